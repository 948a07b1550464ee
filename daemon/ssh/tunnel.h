// SPDX-License-Identifier: GPL-3.0-or-later
// A connection through a jump host. libssh 0.10 does not support this: a thread owns the session with the
// jump host and moves the bytes between a forwarded channel and a socket pair, whose other end serves as the
// connection.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "core/job_spec.h"
#include "ssh/session.h"

namespace cyborg::ssh {

class Tunnel {
 public:
  // Returns when the connection is established. Throws Failure.
  Tunnel(const SshTarget& target, const Credentials& credentials);
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  Fd take_fd() { return std::move(far_); }
  // If the tunnel broke, throws the reason, which explains the error that its user saw.
  void rethrow();

 private:
  void carry();

  Session session_;
  std::unique_ptr<Channel> channel_;
  Fd near_;
  Fd far_;
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// "[user@]host[:port]", with brackets around an IPv6 address that has a port.
SshTarget parse_jump(const std::string& jump, const std::string& default_user);

}  // namespace cyborg::ssh
