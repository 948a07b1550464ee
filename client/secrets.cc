// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

#include "client/failure.h"

namespace cyborg::client {
namespace {

// A pipe takes this much at once, without a reader.
constexpr std::size_t kLongest = PIPE_BUF;

std::string reason() {
  return std::generic_category().message(errno);
}

// Takes the secret and wipes the caller's copy.
sdbus::UnixFd pipe_with(std::string& secret, const std::string& origin) {
  const auto end = secret.find('\n');
  const auto length = end == std::string::npos ? secret.size() : end;
  const bool usable = length > 0 && length <= kLongest;
  int ends[2] = {-1, -1};
  const bool piped = usable && pipe2(ends, O_CLOEXEC) == 0 &&
                     write(ends[1], secret.data(), length) == static_cast<ssize_t>(length);
  explicit_bzero(secret.data(), secret.size());
  if (ends[1] >= 0) close(ends[1]);
  sdbus::UnixFd result(ends[0], sdbus::adopt_fd);
  if (!usable) throw usage(fmt::format("{}: a line of 1 to {} bytes is expected", origin, kLongest));
  if (!piped) throw Failure(kFailed, fmt::format("{}: {}", origin, reason()));
  return result;
}

// Turns the echo off while it exists.
class Silence {
 public:
  explicit Silence(int terminal) : terminal_(terminal) {
    tcgetattr(terminal_, &before_);
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    tcsetattr(terminal_, TCSAFLUSH, &silent);
  }
  ~Silence() { tcsetattr(terminal_, TCSAFLUSH, &before_); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int terminal_;
  termios before_{};
};

// With ECHONL, the newline that ends the password is echoed.
std::string read_line(int descriptor) {
  std::string line;
  line.reserve(kLongest + 1);  // so that no reallocation leaves a partial copy behind
  for (char c = 0; line.size() <= kLongest && read(descriptor, &c, 1) == 1 && c != '\n';) line.push_back(c);
  return line;
}

}  // namespace

sdbus::UnixFd secret_from_file(const std::string& path) {
  if (path == "-") {
    auto line = read_line(STDIN_FILENO);
    return pipe_with(line, "standard input");
  }
  const sdbus::UnixFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC), sdbus::adopt_fd);
  if (!file.isValid()) throw usage(fmt::format("{}: {}", path, reason()));
  auto line = read_line(file.get());
  return pipe_with(line, path);
}

sdbus::UnixFd secret_from_text(std::string text) {
  return pipe_with(text, "the password");
}

sdbus::UnixFd secret_from_terminal(const std::string& prompt) {
  const sdbus::UnixFd terminal(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), sdbus::adopt_fd);
  if (!terminal.isValid()) {
    throw usage("there is no terminal to ask on",
                "--password-file takes it from a file, or with - from standard input");
  }
  // Before the prompt: an immediate answer would be echoed, and then discarded.
  const Silence silence(terminal.get());
  if (write(terminal.get(), prompt.data(), prompt.size()) < 0) throw Failure(kFailed, reason());
  auto line = read_line(terminal.get());
  return pipe_with(line, "the password");
}

std::string read_all(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(descriptor, buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno != EINTR) throw Failure(kFailed, reason());
    if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

}  // namespace cyborg::client
