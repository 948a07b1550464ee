// SPDX-License-Identifier: GPL-3.0-or-later
#include "ssh/tcp.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "ssh/failure.h"

namespace cyborg::ssh {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) {
    throw Failure(ResultCode::unknown_host, fmt::format("host {} cannot be resolved: {}; check the address",
                                                        host, gai_strerror(error)));
  }
  return {found, &::freeaddrinfo};
}

// Returns 0 or an errno.
int connect_one(int fd, const addrinfo& address) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd entry{fd, POLLOUT, 0};
  const int timeout = static_cast<int>(std::chrono::milliseconds{kConnectTimeout}.count());
  int ready = ::poll(&entry, 1, timeout);
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

void set_option(int fd, int level, int name, int value) {
  // without the option, a loss is only noticed later, or data sent later
  (void)::setsockopt(fd, level, name, &value, sizeof value);
}

void tune(int fd) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
             static_cast<int>(std::chrono::milliseconds{kDeadAfter}.count()));
}

[[noreturn]] void give_up(const std::string& host, int port, int error) {
  if (error == ETIMEDOUT) {
    throw Failure(ResultCode::connection_timeout,
                  fmt::format("{} port {} did not answer within {} s", host, port, kConnectTimeout.count()));
  }
  if (error == ECONNREFUSED) {
    throw Failure(ResultCode::connection_refused,
                  fmt::format("{} refuses connections to port {}: does sshd run there?", host, port));
  }
  throw Failure(ResultCode::connection_failed,
                fmt::format("{} port {} cannot be reached: {}", host, port, std::strerror(error)));
}

}  // namespace

Fd connect_tcp(const std::string& host, int port) {
  const AddressList addresses = resolve(host, port);
  int error = EHOSTUNREACH;
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    Fd fd{::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
      error = errno;
      continue;
    }
    tune(fd.get());
    error = connect_one(fd.get(), *address);
    if (error == 0) return fd;
  }
  give_up(host, port, error);
}

}  // namespace cyborg::ssh
