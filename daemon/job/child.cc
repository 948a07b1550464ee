// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr int kPassphraseFd = 3;

struct Pipe {
  Fd read;
  Fd write;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    throw Failure(ResultCode::resources, fmt::format("no pipe can be made: {}", std::strerror(errno)));
  }
  return {Fd{fds[0]}, Fd{fds[1]}};
}

// Above the descriptors for the child, so that moving one never overwrites another.
int lift(int fd) {
  return ::fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

std::vector<std::string> merge_environment(const Environment& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry; ++entry) {
    std::string_view variable = *entry;
    // Credentials are for this process, not for its children; and no BORG_ variable may slip in.
    if (variable.starts_with("CREDENTIALS_DIRECTORY=") || variable.starts_with("BORG_")) continue;
    merged.emplace_back(variable);
  }
  // If a variable occurs twice, the child takes the first; ours must win.
  for (const auto& [name, value] : added) {
    std::erase_if(merged, [&](const std::string& entry) { return entry.starts_with(name + "="); });
    merged.push_back(name + "=" + value);
  }
  return merged;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (auto& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

struct Prepared {
  std::vector<char*> argv;
  std::vector<char*> envp;
  const char* directory;
  int in, out, error, passphrase;
};

// Between fork and exec: nothing that allocates or locks.
[[noreturn]] void become(const Prepared& prepared) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGINT, SIG_DFL);
  bool good = ::dup2(prepared.in, STDIN_FILENO) >= 0 && ::dup2(prepared.out, STDOUT_FILENO) >= 0 &&
              ::dup2(prepared.error, STDERR_FILENO) >= 0;
  if (prepared.passphrase >= 0) good = good && ::dup2(prepared.passphrase, kPassphraseFd) >= 0;
  if (*prepared.directory) good = good && ::chdir(prepared.directory) == 0;
  if (good) ::execvpe(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

}  // namespace

Child::Child(const ChildOptions& options) {
  auto command = options.command;
  auto variables = merge_environment(options.environment);
  Prepared prepared{pointers(command), pointers(variables), options.directory.c_str(), -1, -1, -1, -1};

  Pipe error = make_pipe();
  Pipe out = options.socket < 0 ? make_pipe() : Pipe{};
  Pipe passphrase = options.passphrase ? make_pipe() : Pipe{};
  const Fd input{::open(options.input.empty() ? "/dev/null" : options.input.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!input) {
    throw Failure(ResultCode::resources,
                  fmt::format("{} cannot be read: {}", options.input, std::strerror(errno)));
  }
  const Fd in_high{lift(options.socket < 0 ? input.get() : options.socket)};
  const Fd out_high{lift(options.socket < 0 ? out.write.get() : options.socket)};
  const Fd error_high{lift(error.write.get())};
  const Fd passphrase_high{options.passphrase ? lift(passphrase.read.get()) : -1};
  prepared.in = in_high.get();
  prepared.out = out_high.get();
  prepared.error = error_high.get();
  prepared.passphrase = passphrase_high.get();

  pid_ = ::fork();
  if (pid_ == 0) become(prepared);
  if (pid_ < 0) {
    throw Failure(ResultCode::resources, fmt::format("no process can be started: {}", std::strerror(errno)));
  }
  pid_fd_ = Fd{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
  if (options.passphrase) {
    // borg reads to end of file. A pipe takes 64 KiB without a reader, more than any passphrase.
    (void)write_all(passphrase.write.get(), *options.passphrase);
    (void)write_all(passphrase.write.get(), "\n");
  }
  set_non_blocking(error.read.get());
  error_ = std::move(error.read);
  if (out.read) set_non_blocking(out.read.get());
  out_ = std::move(out.read);
}

Child::~Child() {
  if (!status_) {
    signal(SIGKILL);
    wait();
  }
}

void Child::signal(int number) const {
  if (!status_) ::kill(pid_, number);
}

void Child::keep(int status) {
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::optional<int> Child::poll_status() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) keep(status);
  return status_;
}

int Child::wait() {
  int status = 0;
  while (!status_) {
    if (::waitpid(pid_, &status, 0) == pid_) {
      keep(status);
    } else if (errno != EINTR) {
      status_ = 255;
    }
  }
  return *status_;
}

}  // namespace cyborg
