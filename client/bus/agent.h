#pragma once

#include <sys/types.h>

namespace cyborg::client {

// polkit's agent for a terminal, as systemctl starts it: without one, and outside of a desktop, polkit has
// nobody to ask and refuses. Does nothing for root or without a terminal, and nothing is lost if it cannot be
// started.
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
