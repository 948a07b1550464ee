// SPDX-License-Identifier: GPL-3.0-or-later
#include "ssh/tunnel.h"

#include <algorithm>
#include <charconv>

#include "ssh/failure.h"
#include "ssh/pump.h"

namespace cyborg::ssh {

SshTarget parse_jump(const std::string& jump, const std::string& default_user) {
  SshTarget target;
  std::string_view rest = jump;
  target.user = default_user;
  if (auto at = rest.rfind('@'); at != std::string_view::npos) {
    target.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  std::string_view port;
  if (rest.starts_with('[')) {
    const auto end = rest.find(']');
    target.address = rest.substr(1, end == std::string_view::npos ? end : end - 1);
    if (end != std::string_view::npos && rest.substr(end + 1).starts_with(':')) port = rest.substr(end + 2);
  } else if (std::ranges::count(rest, ':') == 1) {
    target.address = rest.substr(0, rest.find(':'));
    port = rest.substr(rest.find(':') + 1);
  } else {
    target.address = rest;
  }
  if (!port.empty()) std::from_chars(port.data(), port.data() + port.size(), target.port);
  return target;
}

Tunnel::Tunnel(const SshTarget& target, const Credentials& credentials)
    // A password belongs to the machine behind the jump host, never to the jump host itself.
    : session_(parse_jump(target.jump, target.user), Credentials{credentials.private_key, {}}),
      channel_(Channel::forward(session_, target.address, target.port)) {
  auto pair = make_socket_pair();
  near_ = std::move(pair.near);
  far_ = std::move(pair.far);
  thread_ = std::thread([this] { carry(); });
}

Tunnel::~Tunnel() {
  stop_ = true;
  thread_.join();
}

void Tunnel::carry() {
  try {
    Pump pump;
    pump.add_session(session_);
    pump.connect(from_fd(near_.get()), to_channel(*channel_));
    pump.connect(from_channel(*channel_, Channel::Stream::output), to_fd(near_.get()));
    pump.set_tick(200, {});
    pump.run([this] { return stop_.load() || channel_->closed(); });
  } catch (...) {
    const std::lock_guard lock{mutex_};
    error_ = std::current_exception();
  }
  near_.reset();  // the user of the other end sees the connection end
}

void Tunnel::rethrow() {
  const std::lock_guard lock{mutex_};
  if (error_) std::rethrow_exception(error_);
}

}  // namespace cyborg::ssh
