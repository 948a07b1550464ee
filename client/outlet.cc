// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/outlet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "client/failure.h"
#include "client/secrets.h"
#include "core/fd.h"

namespace cyborg::client {
namespace {

Failure system_failure(const std::string& what, int error, std::string hint = {}) {
  return Failure(kFailed, fmt::format("{}: {}", what, std::strerror(error)), std::move(hint));
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw system_failure("waitpid", errno);
  }
  return status;
}

// Makes the new name durable.
void sync_directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Fd opened(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || fsync(opened.get()) != 0) throw system_failure(directory, errno);
}

}  // namespace

void hand_over(const std::vector<std::string>& command, const std::string& text) {
  // A file, not a pipe: a command that does not read all of it must not get us killed.
  const Fd input(memfd_create("cyborg-text", MFD_CLOEXEC));
  if (!input || !write_all(input.get(), text) || lseek(input.get(), 0, SEEK_SET) != 0)
    throw system_failure("a file in memory", errno);
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw system_failure(command[0], error);
  const int status = wait_for(pid);
  if (WIFSIGNALED(status))
    throw Failure(kFailed, fmt::format("{} was killed by signal {}", command[0], WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    throw Failure(kFailed, fmt::format("{} ended with exit status {}", command[0], WEXITSTATUS(status)));
}

void write_out(const std::string& text) {
  std::signal(SIGPIPE, SIG_IGN);
  const bool written = std::fflush(stdout) == 0 && write_all(STDOUT_FILENO, text);
  if (!written) throw system_failure("standard output", errno);
  // If standard output is a file, it must be durable before anything recorded on the basis of it.
  if (fsync(STDOUT_FILENO) != 0 && errno != EINVAL && errno != EROFS)
    throw system_failure("standard output", errno);
}

void replace_file(const std::string& path, const std::string& text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const Fd file(mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) throw system_failure(path, errno, "its directory must exist and be writable");
  const bool written = write_all(file.get(), text) && fchmod(file.get(), mode) == 0 &&
                       fsync(file.get()) == 0 && rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const int error = errno;
    unlink(temporary.c_str());
    throw system_failure(path, error);
  }
  sync_directory_of(path);
}

std::string read_file_if_any(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file && errno == ENOENT) return {};
  if (!file) throw system_failure(path, errno);
  return read_all(file.get());
}

}  // namespace cyborg::client
