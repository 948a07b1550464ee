// SPDX-License-Identifier: GPL-3.0-or-later
// A local child process (mostly borg) with pipes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "borg/command.h"
#include "core/fd.h"

namespace cyborg {

struct ChildOptions {
  std::vector<std::string> command;
  Environment environment;                // added to ours
  std::optional<std::string> passphrase;  // passed on descriptor 3
  std::string directory;                  // to start in; empty: ours
  std::string input;                      // a file as its standard input; empty: /dev/null
  int socket = -1;                        // as its standard input and output; -1: /dev/null and out()
};

class Child {
 public:
  explicit Child(const ChildOptions& options);  // throws Failure
  ~Child();                                     // kills what still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int out() const { return out_.get(); }
  int error() const { return error_.get(); }
  int exit_fd() const { return pid_fd_.get(); }  // readable once it has ended
  void signal(int number) const;
  // Its status after its end, 128 + n for a signal n; nullopt while it runs.
  std::optional<int> poll_status();
  int wait();

 private:
  void keep(int status);

  pid_t pid_ = -1;
  Fd pid_fd_;
  Fd out_;
  Fd error_;
  std::optional<int> status_;
};

}  // namespace cyborg
