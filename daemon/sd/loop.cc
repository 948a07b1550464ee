// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/loop.h"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include <algorithm>
#include <csignal>
#include <system_error>

namespace cyborg::sd {

void log_exception(const char* where, const char* what) noexcept {
  try {
    spdlog::error("{}: {}", where, what);
  } catch (...) {
    // Logging itself failed: there is nothing left to do.
  }
}

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
  return result;
}

struct Loop::Timer {
  Loop* loop;
  std::string key;
  std::function<void()> call;
  EventSource source;
};

Loop::Loop() {
  sd_event* event = nullptr;
  check(sd_event_new(&event), "sd_event_new");
  event_.reset(event);

  // Blocked in all threads, so that only the loop receives them; SIGCHLD is needed by sd_event_add_child.
  // SIGPIPE is ignored, since write() reports a closed peer.
  sigset_t handled;
  sigemptyset(&handled);
  for (int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&handled, signal);
  check(-pthread_sigmask(SIG_BLOCK, &handled, nullptr), "pthread_sigmask");
  std::signal(SIGPIPE, SIG_IGN);

  auto terminate = [](sd_event_source*, const signalfd_siginfo*, void* self) {
    auto* loop = static_cast<Loop*>(self);
    guarded("on termination", [&] { loop->on_terminate ? loop->on_terminate() : loop->exit(0); });
    return 0;
  };
  add_signal(SIGTERM, terminate);
  add_signal(SIGINT, terminate);
  add_signal(SIGHUP, [](sd_event_source*, const signalfd_siginfo*, void* self) {
    auto* loop = static_cast<Loop*>(self);
    guarded("on reload", [&] {
      if (loop->on_reload) loop->on_reload();
    });
    return 0;
  });

  wake_ = Fd{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake_) check(-errno, "eventfd");
  sd_event_source* source = nullptr;
  auto run_calls = [](sd_event_source*, int, std::uint32_t, void* self) {
    static_cast<Loop*>(self)->run_posted();
    return 0;
  };
  check(sd_event_add_io(handle(), &source, wake_.get(), EPOLLIN, run_calls, this), "sd_event_add_io");
  sources_.emplace_back(source);

  check(sd_event_set_watchdog(handle(), 1), "sd_event_set_watchdog");
}

Loop::~Loop() = default;

void Loop::add_signal(int signal, sd_event_signal_handler_t handler) {
  sd_event_source* source = nullptr;
  check(sd_event_add_signal(handle(), &source, signal, handler, this), "sd_event_add_signal");
  sources_.emplace_back(source);
}

int Loop::run() {
  return check(sd_event_loop(handle()), "sd_event_loop");
}

void Loop::exit(int code) {
  check(sd_event_exit(handle(), code), "sd_event_exit");
}

void Loop::post(std::function<void()> call) {
  {
    std::lock_guard lock{mutex_};
    posted_.push_back(std::move(call));
    if (posted_.size() > 1) return;  // an earlier post has woken the loop
  }
  // It fails only when the counter is full, and then the loop wakes up anyway.
  (void)eventfd_write(wake_.get(), 1);
}

void Loop::run_posted() {
  eventfd_t count;
  (void)eventfd_read(wake_.get(), &count);
  std::vector<std::function<void()>> calls;
  {
    std::lock_guard lock{mutex_};
    calls.swap(posted_);
  }
  for (auto& call : calls) {
    guarded("in a posted call", call);
    call = nullptr;  // objects held by the call are destroyed in order, too
  }
}

Microseconds Loop::now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return Microseconds{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

void Loop::after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> call) {
  auto timer = std::make_unique<Timer>(Timer{this, key, std::move(call), nullptr});
  auto fire = [](sd_event_source*, std::uint64_t, void* data) {
    auto* due = static_cast<Timer*>(data);
    guarded("in a timer", [&] {
      // Removed first: the call may set the same timer again.
      auto node = due->loop->timers_.extract(due->key);
      node.mapped()->call();
    });
    return 0;
  };
  delay = std::max(delay, std::chrono::milliseconds{0});
  // Timers may fire a little late so that they share a wake-up, short ones less than long ones.
  const auto microseconds = static_cast<std::uint64_t>(std::chrono::microseconds{delay}.count());
  const std::uint64_t accuracy = std::clamp<std::uint64_t>(microseconds / 20, 1, 250'000);
  sd_event_source* source = nullptr;
  check(sd_event_add_time_relative(handle(), &source, CLOCK_MONOTONIC, microseconds, accuracy, fire,
                                   timer.get()),
        "sd_event_add_time");
  timer->source.reset(source);
  timers_[key] = std::move(timer);
}

void Loop::cancel(const std::string& key) {
  timers_.erase(key);
}

void Loop::ready(const std::string& status) {
  (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
}

void Loop::status(const std::string& text) {
  (void)sd_notifyf(0, "STATUS=%s", text.c_str());
}

void Loop::stopping() {
  (void)sd_notify(0, "STOPPING=1");
}

}  // namespace cyborg::sd
