// SPDX-License-Identifier: GPL-3.0-or-later
#include "ssh/pump.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace cyborg::ssh {
namespace {

constexpr std::size_t kBufferSize = 256 * 1024;

class FdSource : public Source {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  ssize_t read(std::span<char> buffer) override {
    ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n > 0) return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    return -1;  // a broken connection also ends the stream; the process behind it reports the reason
  }
  int poll_fd() const override { return fd_; }

 private:
  int fd_;
};

class LeisurelySource : public Source {
 public:
  explicit LeisurelySource(int fd) : source_(fd) {}
  ssize_t read(std::span<char> buffer) override {
    const auto now = Clock::now();
    if (now < next_) return 0;
    const ssize_t n = source_.read(buffer);
    // A full buffer means that there is more to read.
    if (n < static_cast<ssize_t>(buffer.size())) next_ = now + kLeisure;
    return n;
  }
  int patience() const override { return kLeisure.count(); }

 private:
  using Clock = std::chrono::steady_clock;
  // borg prints less than a pipe's MiB in that time.
  static constexpr std::chrono::duration<int, std::milli> kLeisure{5};

  FdSource source_;
  Clock::time_point next_;
};

class FdSink : public Sink {
 public:
  explicit FdSink(int fd) : fd_(fd) {}
  ssize_t write(std::string_view data) override {
    ssize_t n = ::write(fd_, data.data(), data.size());
    if (n >= 0) return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
  }
  void finish() override { (void)::shutdown(fd_, SHUT_WR); }
  int poll_fd() const override { return fd_; }

 private:
  int fd_;
};

class ChannelSource : public Source {
 public:
  ChannelSource(Channel& channel, Channel::Stream stream) : channel_(channel), stream_(stream) {}
  ssize_t read(std::span<char> buffer) override { return channel_.read(stream_, buffer); }

 private:
  Channel& channel_;
  Channel::Stream stream_;
};

class ChannelSink : public Sink {
 public:
  explicit ChannelSink(Channel& channel) : channel_(channel) {}
  ssize_t write(std::string_view data) override {
    if (!channel_.writable()) return -1;
    return static_cast<ssize_t>(channel_.write(data));
  }
  void finish() override { channel_.send_eof(); }

 private:
  Channel& channel_;
};

class FunctionSink : public Sink {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> function) : function_(std::move(function)) {}
  ssize_t write(std::string_view data) override {
    function_(data);
    return static_cast<ssize_t>(data.size());
  }
  void finish() override {}

 private:
  std::function<void(std::string_view)> function_;
};

}  // namespace

std::unique_ptr<Source> from_fd(int fd) {
  return std::make_unique<FdSource>(fd);
}
std::unique_ptr<Source> from_pipe_at_leisure(int fd) {
  return std::make_unique<LeisurelySource>(fd);
}
std::unique_ptr<Source> from_channel(Channel& channel, Channel::Stream stream) {
  return std::make_unique<ChannelSource>(channel, stream);
}
std::unique_ptr<Sink> to_fd(int fd) {
  return std::make_unique<FdSink>(fd);
}
std::unique_ptr<Sink> to_channel(Channel& channel) {
  return std::make_unique<ChannelSink>(channel);
}
std::unique_ptr<Sink> to_function(std::function<void(std::string_view)> function) {
  return std::make_unique<FunctionSink>(std::move(function));
}

std::size_t Pump::connect(std::unique_ptr<Source> source, std::unique_ptr<Sink> sink,
                          std::function<void(std::string_view)> inspect) {
  Pipe pipe;
  pipe.source = std::move(source);
  pipe.sink = std::move(sink);
  pipe.inspect = std::move(inspect);
  pipe.buffer.resize(kBufferSize);
  pipes_.push_back(std::move(pipe));
  return pipes_.size() - 1;
}

void Pump::add_session(Session& session, std::function<void(std::exception_ptr)> lost) {
  session.listen();
  sessions_.push_back({&session, std::move(lost)});
}

void Pump::watch(int fd, std::function<void()> function) {
  watches_.push_back({fd, std::move(function), false});
}

void Pump::watch_once(int fd, std::function<void()> function) {
  watches_.push_back({fd, std::move(function), true});
}

void Pump::set_tick(int milliseconds, std::function<void()> function) {
  tick_milliseconds_ = milliseconds;
  tick_ = std::move(function);
}

void Pump::run(const std::function<bool()>& done) {
  while (true) {
    bool moved = false;
    for (auto& pipe : pipes_) moved |= step(pipe);
    if (tick_) tick_();
    if (done()) return;
    if (!moved) wait();
  }
}

// Returns whether any bytes moved.
bool Pump::step(Pipe& pipe) {
  if (pipe.finished) return false;
  bool moved = drain(pipe);
  if (pipe.begin == pipe.end && !pipe.source_ended) moved |= fill(pipe) && (drain(pipe), true);
  if (pipe.begin == pipe.end && pipe.source_ended && !pipe.finished) {
    pipe.sink->finish();
    pipe.finished = true;
    moved = true;
  }
  return moved;
}

bool Pump::fill(Pipe& pipe) {
  const ssize_t n = pipe.source->read(pipe.buffer);
  if (n == 0) return false;
  if (n < 0) {
    pipe.source_ended = true;
    return true;
  }
  pipe.begin = 0;
  pipe.end = static_cast<std::size_t>(n);
  if (pipe.inspect) pipe.inspect({pipe.buffer.data(), pipe.end});
  return true;
}

bool Pump::drain(Pipe& pipe) {
  if (pipe.begin == pipe.end) return false;
  const ssize_t n = pipe.sink->write({pipe.buffer.data() + pipe.begin, pipe.end - pipe.begin});
  if (n < 0) {  // the sink is closed
    pipe.begin = pipe.end;
    pipe.finished = true;
    return true;
  }
  pipe.begin += static_cast<std::size_t>(n);
  return n > 0;
}

void Pump::serve(const Served& served, bool heard) {
  if (!served.lost) return served.session->service(heard);
  try {
    served.session->service(heard);
  } catch (...) {
    served.lost(std::current_exception());
  }
}

int Pump::patience() const {
  int shortest = tick_milliseconds_;
  for (const auto& pipe : pipes_) {
    const int patience = pipe.finished ? -1 : pipe.source->patience();
    if (patience >= 0) shortest = std::min(shortest, patience);
  }
  return shortest;
}

void Pump::wait() {
  std::vector<pollfd> fds;
  std::erase_if(sessions_, [](const Served& served) { return served.session->is_lost(); });
  for (const auto& served : sessions_) {
    const short events = static_cast<short>(POLLIN | (served.session->write_pending() ? POLLOUT : 0));
    fds.push_back({served.session->fd(), events, 0});
  }
  for (const auto& watch : watches_) fds.push_back({watch.fd, POLLIN, 0});
  for (const auto& pipe : pipes_) {
    if (pipe.finished) continue;
    const bool full = pipe.begin != pipe.end;
    const int fd = full ? pipe.sink->poll_fd() : pipe.source->poll_fd();
    if (fd >= 0) fds.push_back({fd, static_cast<short>(full ? POLLOUT : POLLIN), 0});
  }
  (void)::poll(fds.data(), fds.size(), patience());  // an interruption counts as a tick
  std::size_t i = 0;
  for (const auto& served : sessions_) serve(served, (fds[i++].revents & POLLIN) != 0);
  // The functions may add further watches.
  for (std::size_t watch = 0, count = watches_.size(); watch < count; ++watch) {
    if (fds[i++].revents == 0) continue;
    if (watches_[watch].once) watches_[watch].fd = -1;
    // A copy, since the element moves when others are added.
    const auto function = watches_[watch].function;
    function();
  }
}

}  // namespace cyborg::ssh
