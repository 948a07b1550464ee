// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/child.h"

#include <fcntl.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <system_error>

namespace cyborg::sd {
namespace {

constexpr std::size_t kMaxOutput = 1 << 20;

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

// This process' environment, in which each assignment in `extra` replaces one of the same name.
std::vector<std::string> environment_with(const std::vector<std::string>& extra) {
  std::vector<std::string> result = extra;
  for (char** variable = environ; *variable; ++variable) {
    const std::string assignment = *variable;
    const auto name = assignment.substr(0, assignment.find('=') + 1);
    const bool replaced =
        std::ranges::any_of(extra, [&](const std::string& other) { return other.starts_with(name); });
    if (!replaced) result.push_back(assignment);
  }
  return result;
}

std::pair<Fd, Fd> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) check(-errno, "pipe2");
  check(fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0, "fcntl");
  return {Fd{ends[0]}, Fd{ends[1]}};
}

// The child would inherit blocked and ignored signals.
void reset_signals(posix_spawnattr_t& attributes) {
  sigset_t none, ignored;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ignored);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace

Child::Child(Loop& loop, const std::vector<std::string>& argv,
             const std::vector<std::string>& extra_environment, std::chrono::milliseconds timeout,
             std::function<void(ChildEnd)> done)
    : loop_(loop), done_(std::move(done)) {
  output_.text = &end_.output;
  errors_.text = &end_.errors;
  output_.owner = errors_.owner = this;
  spawn(argv, extra_environment);
  watch(timeout);
}

Child::~Child() = default;  // the event source kills and reaps the process

void Child::spawn(const std::vector<std::string>& argv, const std::vector<std::string>& extra_environment) {
  auto [output, output_end] = make_pipe();
  auto [errors, errors_end] = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors_end.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  reset_signals(attributes);

  std::vector<std::string> arguments = argv, environment = environment_with(extra_environment);
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0].c_str(), &actions, &attributes,
                                 pointers(arguments).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  check(-error, argv[0].c_str());

  output_.fd = std::move(output);
  errors_.fd = std::move(errors);
  sd_event_source* source = nullptr;
  auto on_exit = [](sd_event_source*, const siginfo_t* info, void* data) {
    auto* self = static_cast<Child*>(data);
    self->exited_ = true;
    self->end_.status = info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
    self->finish_if_over();
    return 0;
  };
  const int added = sd_event_add_child(loop_.handle(), &source, pid, WEXITED, on_exit, this);
  if (added < 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    check(added, "sd_event_add_child");
  }
  exit_.reset(source);
  check(sd_event_source_set_child_process_own(source, 1), "sd_event_source_set_child_process_own");
}

void Child::watch(std::chrono::milliseconds timeout) {
  listen(output_);
  listen(errors_);
  sd_event_source* source = nullptr;
  auto expire = [](sd_event_source*, std::uint64_t, void* data) {
    auto* self = static_cast<Child*>(data);
    self->end_.timed_out = true;
    // Only the child's own end counts; a grandchild that keeps the pipes open must not delay it.
    self->output_.source.reset();
    self->errors_.source.reset();
    (void)sd_event_source_send_child_signal(self->exit_.get(), SIGKILL, nullptr, 0);
    self->finish_if_over();
    return 0;
  };
  const auto microseconds = static_cast<std::uint64_t>(std::chrono::microseconds{timeout}.count());
  check(sd_event_add_time_relative(loop_.handle(), &source, CLOCK_MONOTONIC, microseconds, 0, expire, this),
        "sd_event_add_time");
  deadline_.reset(source);
}

void Child::listen(Pipe& pipe) {
  auto readable = [](sd_event_source*, int, std::uint32_t, void* data) {
    auto* ready = static_cast<Pipe*>(data);
    ready->owner->read(*ready);
    return 0;
  };
  sd_event_source* source = nullptr;
  check(sd_event_add_io(loop_.handle(), &source, pipe.fd.get(), EPOLLIN, readable, &pipe), "sd_event_add_io");
  pipe.source.reset(source);
}

void Child::read(Pipe& pipe) {
  char buffer[16384];
  const ssize_t size = ::read(pipe.fd.get(), buffer, sizeof buffer);
  if (size > 0) {
    const std::size_t room = kMaxOutput - std::min(kMaxOutput, pipe.text->size());
    pipe.text->append(buffer, std::min(room, static_cast<std::size_t>(size)));
  } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
    pipe.source.reset();
    finish_if_over();
  }
}

void Child::finish_if_over() {
  if (!exited_ || output_.source || errors_.source || !done_) return;
  deadline_.reset();
  // The handler may destroy this object.
  auto done = std::move(done_);
  done_ = nullptr;
  guarded("at the end of a helper program", [&, end = std::move(end_)] { done(end); });
}

}  // namespace cyborg::sd
