// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace cyborg::client {
namespace {

constexpr char kAgent[] = "/usr/bin/pkttyagent";
constexpr int kStartTimeoutMs = 5000;

pid_t start(int notify) {
  const auto parent = std::to_string(getpid());
  const auto descriptor = std::to_string(notify);
  const pid_t pid = fork();
  if (pid == 0) {
    execl(kAgent, kAgent, "--process", parent.c_str(), "--notify-fd", descriptor.c_str(), "--fallback",
          static_cast<char*>(nullptr));
    _exit(127);
  }
  return pid;
}

}  // namespace

PasswordAgent::PasswordAgent() {
  if (geteuid() == 0 || !isatty(STDIN_FILENO) || access(kAgent, X_OK) != 0) return;
  int ends[2];
  if (pipe(ends) != 0) return;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  pid_ = start(ends[1]);
  close(ends[1]);
  // The agent closes its end when it is registered with polkit; a call before that would be refused.
  pollfd ready{ends[0], POLLIN, 0};
  poll(&ready, 1, kStartTimeoutMs);
  close(ends[0]);
}

PasswordAgent::~PasswordAgent() {
  if (pid_ <= 0) return;
  // SIGCONT, because an agent that wrote to the terminal from the background is stopped.
  kill(pid_, SIGTERM);
  kill(pid_, SIGCONT);
  waitpid(pid_, nullptr, 0);
}

}  // namespace cyborg::client
