// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/descriptors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace cyborg::bus {
namespace {

constexpr std::size_t kMostSecret = 4096;

std::unexpected<Error> refused(const std::string& key, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", key, why));
}

Expected<std::string> read_all(const std::string& key, int fd) {
  struct stat status{};
  if (fstat(fd, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode))) {
    return refused(key, "expected a pipe or a file");
  }
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return refused(key, "the descriptor cannot be read");
  std::string text;
  std::array<char, kMostSecret> buffer{};
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return refused(
          key, errno == EAGAIN ? "the pipe must be written and closed before the call" : "it cannot be read");
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMostSecret) return refused(key, "longer than 4096 bytes");
  }
}

}  // namespace

Expected<std::optional<std::string>> take_secret(DescriptorMap& descriptors, const std::string& key) {
  std::optional<std::string> secret;
  for (const auto& [name, descriptor] : descriptors) {
    if (name != key) return refused(name, "expected no file descriptor");
    auto text = read_all(key, descriptor.get());
    if (!text) return std::unexpected(text.error());
    if (text->ends_with('\n')) text->pop_back();
    secret = std::move(*text);
  }
  return secret;
}

Expected<Descriptor> take_output(DescriptorMap& descriptors, const std::string& key) {
  Descriptor output;
  for (auto& [name, descriptor] : descriptors) {
    if (name != key) return refused(name, "expected no file descriptor");
    struct stat status{};
    const int fd = descriptor.get();
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0 || fstat(fd, &status) != 0 ||
        !(S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode))) {
      return refused(key, "expected the writing end of a pipe, or a file open for writing");
    }
    output = Descriptor{new int{descriptor.release()}, [](const int* owned) {
                          close(*owned);
                          delete owned;
                        }};
  }
  return output;
}

sdbus::UnixFd readable_text(const std::string& text) {
  const int fd = memfd_create("cyborg", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  sdbus::UnixFd owned{fd, sdbus::adopt_fd};
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t put = write(fd, text.data() + written, text.size() - written);
    if (put <= 0) throw std::system_error(errno, std::generic_category(), "memfd");
    written += static_cast<std::size_t>(put);
  }
  lseek(fd, 0, SEEK_SET);
  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return owned;
}

}  // namespace cyborg::bus
