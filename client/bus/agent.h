// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

namespace cyborg::client {

// polkit's agent for a terminal, started as systemctl does: without an agent and outside of a desktop, polkit
// cannot ask for a password and refuses. Does nothing for root or without a terminal; a failure to start it
// is ignored.
class PasswordAgent {
 public:
  PasswordAgent();
  ~PasswordAgent();
  PasswordAgent(const PasswordAgent&) = delete;
  PasswordAgent& operator=(const PasswordAgent&) = delete;

 private:
  pid_t pid_ = -1;
};

}  // namespace cyborg::client
