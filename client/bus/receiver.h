// What a job writes to a pipe goes on to standard output while the bus is being listened to.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "dbus/compat.h"

namespace cyborg::client {

class Receiver {
 public:
  Receiver();
  ~Receiver();  // what is still on its way is lost
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // The end to write to; to be given away once.
  sdbus::UnixFd take_writer() { return std::move(writer_); }
  // Until all that was written has been passed on. To be called when nobody writes any more.
  void finish();
  // Why standard output did not take everything; empty if it did.
  const std::string& problem() const { return problem_; }

 private:
  void pass_on();
  bool pass_some();

  sdbus::UnixFd reader_, writer_;
  sdbus::UnixFd over_reader_, over_writer_;  // wakes the thread up: what is not there by now does not come
  std::atomic<bool> abandoned_ = false;
  std::string problem_;
  std::thread thread_;
};

}  // namespace cyborg::client
