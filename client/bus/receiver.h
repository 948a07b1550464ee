// SPDX-License-Identifier: GPL-3.0-or-later
// Passes a job's output from a pipe to standard output while the bus is being served.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "dbus/compat.h"

namespace cyborg::client {

class Receiver {
 public:
  Receiver();
  ~Receiver();  // discards data that has not been read
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // The end to write to; can be taken once.
  sdbus::UnixFd take_writer() { return std::move(writer_); }
  // Waits until all data has been passed on. Call it when all writers have closed.
  void finish();
  // The reason why standard output failed; empty if it did not.
  const std::string& problem() const { return problem_; }

 private:
  void pass_on();
  bool pass_some();

  sdbus::UnixFd reader_, writer_;
  sdbus::UnixFd over_reader_, over_writer_;  // wake the thread up: it passes on no data that arrives later
  std::atomic<bool> abandoned_ = false;
  std::string problem_;
  std::thread thread_;
};

}  // namespace cyborg::client
