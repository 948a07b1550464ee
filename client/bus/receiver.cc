// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/receiver.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "client/failure.h"

namespace cyborg::client {
namespace {

constexpr int kPipeSize = 1 << 20;

std::pair<sdbus::UnixFd, sdbus::UnixFd> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Failure(kFailed, std::strerror(errno));
  return {sdbus::UnixFd(ends[0], sdbus::adopt_fd), sdbus::UnixFd(ends[1], sdbus::adopt_fd)};
}

}  // namespace

Receiver::Receiver() {
  std::tie(reader_, writer_) = make_pipe();
  std::tie(over_reader_, over_writer_) = make_pipe();
  fcntl(reader_.get(), F_SETPIPE_SZ, kPipeSize);  // if permitted
  fcntl(reader_.get(), F_SETFL, O_NONBLOCK);
  thread_ = std::thread([this] {
    // The main thread handles signals.
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pass_on();
    // A process that still writes shall get an error.
    reader_.reset();
  });
}

Receiver::~Receiver() {
  abandoned_ = true;
  finish();
}

void Receiver::finish() {
  writer_.reset();
  over_writer_.reset();
  if (thread_.joinable()) thread_.join();
}

void Receiver::pass_on() {
  while (true) {
    std::array<pollfd, 2> files{pollfd{reader_.get(), POLLIN, 0}, pollfd{over_reader_.get(), 0, 0}};
    if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
    const bool over = files[1].revents != 0;
    if (abandoned_ || !pass_some()) return;
    if (over && poll(files.data(), 1, 0) <= 0) return;
  }
}

// Returns false at the end, or when standard output fails.
bool Receiver::pass_some() {
  static std::array<char, 1 << 16> buffer;
  const ssize_t got = read(reader_.get(), buffer.data(), buffer.size());
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  for (ssize_t done = 0; done < got;) {
    const ssize_t put = write(STDOUT_FILENO, buffer.data() + done, static_cast<std::size_t>(got - done));
    if (put >= 0) {
      done += put;
    } else if (errno == EAGAIN) {
      pollfd file{STDOUT_FILENO, POLLOUT, 0};
      poll(&file, 1, -1);
    } else if (errno != EINTR) {
      problem_ = std::strerror(errno);
      return false;
    }
  }
  return got > 0;
}

}  // namespace cyborg::client
