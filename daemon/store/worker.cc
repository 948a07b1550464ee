// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/worker.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace cyborg::store {
namespace {

constexpr std::chrono::seconds kLongestDelay{15};

}  // namespace

WorkerThread::WorkerThread(Config config)
    : config_(std::move(config)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

WorkerThread::~WorkerThread() {
  stop();
}

void WorkerThread::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), config_.name);
}

void WorkerThread::ask_to_stop() {
  stopping_ = true;
  wake();
}

void WorkerThread::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void WorkerThread::submit(Task task) {
  {
    const std::lock_guard lock{mutex_};
    tasks_.push_back(std::move(task));
  }
  wake();
}

void WorkerThread::wake() const {
  const std::uint64_t one = 1;
  // It fails only when the counter is full, and then the thread is awake anyway.
  static_cast<void>(!write(wake_fd_.get(), &one, sizeof one));
}

void WorkerThread::run() {
  while (!stopping_) {
    if (config_.keep_connected && !connection_ && Clock::now() >= next_attempt_) connect();
    if (stopping_) break;
    if (auto task = next_task()) {
      perform(*task);
    } else {
      wait();
    }
  }
}

void WorkerThread::perform(const Task& task) {
  if (!attempt(task)) attempt(task);
}

bool WorkerThread::attempt(const Task& task) {
  // A server that was restarted while we were idle may be back already.
  if (connection_) check();
  if (!connection_ && Clock::now() >= next_attempt_) connect();
  if (!connection_) return task(nullptr, why_);
  const bool done = task(&*connection_, why_);
  if (connection_->lost()) drop({ErrorCode::unavailable, "PostgreSQL: the connection was lost", {}});
  return done;
}

void WorkerThread::connect() {
  auto opened = Connection::open(config_.conninfo);
  if (opened && config_.prepare) {
    if (auto prepared = config_.prepare(*opened); !prepared) opened = std::unexpected(prepared.error());
  }
  if (opened) {
    connection_.emplace(std::move(*opened));
    delay_ = std::chrono::seconds{0};
    report(true, "");
    return;
  }
  // Without a task there is no attempt, so later tasks need not wait for one.
  if (config_.keep_connected) delay_ = std::clamp(delay_ * 2, std::chrono::seconds{1}, kLongestDelay);
  drop(opened.error());
}

void WorkerThread::drop(Error why) {
  connection_.reset();
  why_ = std::move(why);
  // Whatever made the connection unusable, meanwhile requests fail as unavailable.
  why_.code = ErrorCode::unavailable;
  next_attempt_ = Clock::now() + delay_;
  report(false, why_.message + (why_.hint.empty() ? "" : ": " + why_.hint));
}

void WorkerThread::report(bool connected, const std::string& reason) {
  if (!config_.on_state || (reported_ == connected && reported_reason_ == reason)) return;
  reported_ = connected;
  reported_reason_ = reason;
  config_.on_state(connected, reason);
}

std::optional<WorkerThread::Task> WorkerThread::next_task() {
  const std::lock_guard lock{mutex_};
  if (tasks_.empty()) return std::nullopt;
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

int WorkerThread::wait_time() const {
  if (connection_ || !config_.keep_connected) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_attempt_ - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 15'000));
}

void WorkerThread::wait() {
  // poll() ignores a negative descriptor.
  pollfd fds[] = {{wake_fd_.get(), POLLIN, 0}, {connection_ ? connection_->socket() : -1, POLLIN, 0}};
  if (poll(fds, 2, wait_time()) <= 0) return;
  if (fds[0].revents) {
    std::uint64_t count = 0;
    static_cast<void>(!read(wake_fd_.get(), &count, sizeof count));
  }
  if (fds[1].revents) check();
}

void WorkerThread::check() {
  connection_->check();
  if (connection_->lost()) drop({ErrorCode::unavailable, "PostgreSQL: the server closed the connection", {}});
}

}  // namespace cyborg::store
