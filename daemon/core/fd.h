// SPDX-License-Identifier: GPL-3.0-or-later
// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <string_view>
#include <utility>

namespace cyborg {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

struct SocketPair {
  Fd near;
  Fd far;
};

// The near end is non-blocking, the far end blocking (for a child or a library), both are close-on-exec.
SocketPair make_socket_pair();
void set_non_blocking(int fd);

// Writes all of it, waiting as long as necessary; false if the reader has closed.
bool write_all(int fd, std::string_view data);

}  // namespace cyborg
