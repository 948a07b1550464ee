// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "ssh/failure.h"
#include "ssh/session.h"

namespace cyborg::ssh {
namespace {

// Makes the session blocking while a channel is opened; data transfer never blocks.
class Blocking {
 public:
  explicit Blocking(ssh_session session) : session_(session) { ssh_set_blocking(session_, 1); }
  ~Blocking() { ssh_set_blocking(session_, 0); }
  Blocking(const Blocking&) = delete;
  Blocking& operator=(const Blocking&) = delete;

 private:
  ssh_session session_;
};

// The protocol names signals; these are the ones from which a command can die.
int signal_number(const char* name) {
  struct Row {
    const char* name;
    int number;
  };
  static constexpr Row kSignals[] = {{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},
                                     {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
                                     {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT},
                                     {"SEGV", SIGSEGV}, {"TERM", SIGTERM}};
  for (const auto& row : kSignals) {
    if (std::strcmp(row.name, name) == 0) return row.number;
  }
  return SIGKILL;
}

}  // namespace

Channel::Channel(Session& session) : session_(session), channel_(ssh_channel_new(session.session_.get())) {
  if (!channel_) throw std::bad_alloc{};
}

Channel::~Channel() {
  ssh_remove_channel_callbacks(channel_, &callbacks_);
  ssh_channel_free(channel_);
}

void Channel::watch_end() {
  ssh_callbacks_init(&callbacks_);
  callbacks_.userdata = this;
  callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
    static_cast<Channel*>(self)->exit_status_ = status;
  };
  callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int, const char*,
                                               const char*, void* self) {
    static_cast<Channel*>(self)->exit_status_ = 128 + signal_number(signal);
  };
  ssh_add_channel_callbacks(channel_, &callbacks_);
}

std::unique_ptr<Channel> Channel::execute(Session& session, const std::string& command) {
  std::unique_ptr<Channel> channel{new Channel(session)};
  channel->watch_end();
  const Blocking blocking{session.session_.get()};
  if (ssh_channel_open_session(channel->channel_) != SSH_OK ||
      ssh_channel_request_exec(channel->channel_, command.c_str()) != SSH_OK) {
    if (!ssh_is_connected(session.session_.get())) session.lost();
    throw Failure(ResultCode::connection_failed, fmt::format("{} does not run commands: {}", session.name(),
                                                             ssh_get_error(session.session_.get())));
  }
  // Opening may have taken long (a login on a busy machine), but the answer counts as a sign of life.
  session.heard_ = std::chrono::steady_clock::now();
  return channel;
}

std::unique_ptr<Channel> Channel::forward(Session& session, const std::string& host, int port) {
  std::unique_ptr<Channel> channel{new Channel(session)};
  const Blocking blocking{session.session_.get()};
  if (ssh_channel_open_forward(channel->channel_, host.c_str(), port, "127.0.0.1", 0) != SSH_OK) {
    if (!ssh_is_connected(session.session_.get())) session.lost();
    throw Failure(ResultCode::connection_refused,
                  fmt::format("jump host {} cannot connect to {} port {}: {}", session.name(), host, port,
                              ssh_get_error(session.session_.get())));
  }
  return channel;
}

ssize_t Channel::read(Stream stream, std::span<char> buffer) {
  if (session_.is_lost()) return -1;
  const int n = ssh_channel_read_nonblocking(channel_, buffer.data(), static_cast<unsigned>(buffer.size()),
                                             stream == Stream::error);
  if (n > 0) {
    session_.heard_ = std::chrono::steady_clock::now();
    return n;
  }
  if (n == SSH_EOF || n == SSH_ERROR) return -1;
  return ssh_channel_is_eof(channel_) || ssh_channel_is_closed(channel_) ? -1 : 0;
}

std::size_t Channel::write(std::string_view data) {
  // libssh would block on a closed window, so ask for the window first.
  const std::size_t size = std::min<std::size_t>(data.size(), ssh_channel_window_size(channel_));
  if (size == 0 || session_.write_pending()) return 0;
  const int n = ssh_channel_write(channel_, data.data(), static_cast<unsigned>(size));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

bool Channel::writable() const {
  return !session_.is_lost() && !eof_sent_ && ssh_channel_is_open(channel_) &&
         !ssh_channel_is_closed(channel_);
}

void Channel::send_eof() {
  if (eof_sent_ || session_.is_lost()) return;
  eof_sent_ = true;
  (void)ssh_channel_send_eof(channel_);  // a lost connection is noticed by service()
}

bool Channel::closed() const {
  return ssh_channel_is_closed(channel_) != 0;
}

}  // namespace cyborg::ssh
