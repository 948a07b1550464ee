// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/connect.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "core/quote.h"
#include "ssh/failure.h"
#include "ssh/pump.h"

namespace cyborg {
namespace {

constexpr int kPipe = 1 << 20;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Failure(ResultCode::state_directory, fmt::format("path {} is too long for a socket", path));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

}  // namespace

int connect_socket(const char* path) {
  ::signal(SIGPIPE, SIG_IGN);
  const sockaddr_un address = address_of(path);
  const Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fmt::print(stderr, "{}: {}\n", path, std::strerror(errno));
    return 1;
  }
  for (int fd : {socket.get(), STDIN_FILENO, STDOUT_FILENO}) set_non_blocking(fd);
  // borg copies once more for each piece that it cannot write immediately; see kWidenPipe in job_script.cc.
  ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, kPipe);
  ssh::Pump pump;
  pump.connect(ssh::from_fd(STDIN_FILENO), ssh::to_fd(socket.get()));
  const auto down = pump.connect(ssh::from_fd(socket.get()), ssh::to_fd(STDOUT_FILENO));
  pump.run([&] { return pump.finished(down); });
  return 0;
}

ConnectSocket::ConnectSocket(const std::string& directory)
    : path_(directory + "/relay"),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const sockaddr_un address = address_of(path_);
  ::unlink(path_.c_str());
  // Only the job's own user may connect; others cannot enter the state directory either.
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 4) != 0) {
    throw Failure(ResultCode::state_directory,
                  fmt::format("{} cannot be made: {}", path_, std::strerror(errno)));
  }
}

ConnectSocket::~ConnectSocket() {
  ::unlink(path_.c_str());
}

std::string ConnectSocket::rsh() const {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  return fmt::format("{} --connect {}", quote(program), quote(path_));
}

Fd ConnectSocket::accept() const {
  return Fd{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
}

}  // namespace cyborg
