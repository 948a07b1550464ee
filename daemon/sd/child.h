// SPDX-License-Identifier: GPL-3.0-or-later
// A short-lived helper program, run without blocking the loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sd/loop.h"

namespace cyborg::sd {

struct ChildEnd {
  int status = -1;  // exit status, or 128 + the signal's number
  bool timed_out = false;
  std::string output, errors;  // capped at 1 MiB each
};

// Destroying it kills the child and drops the handler.
class Child {
 public:
  // argv[0] is looked up in PATH; standard input is empty. Throws std::system_error if it cannot be started.
  Child(Loop& loop, const std::vector<std::string>& argv, const std::vector<std::string>& extra_environment,
        std::chrono::milliseconds timeout, std::function<void(ChildEnd)> done);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

 private:
  struct Pipe {
    Child* owner = nullptr;
    Fd fd;
    std::string* text = nullptr;
    EventSource source;
  };

  void spawn(const std::vector<std::string>& argv, const std::vector<std::string>& extra_environment);
  void watch(std::chrono::milliseconds timeout);
  void listen(Pipe& pipe);
  void read(Pipe& pipe);
  void finish_if_over();

  Loop& loop_;
  std::function<void(ChildEnd)> done_;
  ChildEnd end_;
  bool exited_ = false;
  Pipe output_, errors_;
  EventSource exit_, deadline_;
};

}  // namespace cyborg::sd
