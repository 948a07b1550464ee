// SPDX-License-Identifier: GPL-3.0-or-later
// A thread with its own connection, and a queue of tasks.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/fd.h"
#include "store/connection.h"

namespace cyborg::store {

class WorkerThread {
 public:
  // connection is null if there is none, for the reason `why`. If a task returns false, it is called again
  // once, with a new connection.
  using Task = std::function<bool(Connection* connection, const Error& why)>;
  // Called on the worker's thread.
  using OnState = std::function<void(bool connected, const std::string& reason)>;
  using Prepare = std::function<Expected<void>(Connection&)>;

  struct Config {
    const char* name;  // of the thread, at most 15 characters
    std::string conninfo;
    bool keep_connected;  // otherwise it connects when there is a task
    Prepare prepare;      // after connecting; its failure is a failure to connect
    OnState on_state;     // changes only
  };

  explicit WorkerThread(Config config);
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  void start();
  // Waits for the running task; queued tasks are dropped.
  void stop();
  void ask_to_stop();
  void submit(Task task);
  const std::atomic<bool>& stopping() const { return stopping_; }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void connect();
  void drop(Error why);
  void report(bool connected, const std::string& reason);
  std::optional<Task> next_task();
  void perform(const Task& task);
  bool attempt(const Task& task);
  void wait();
  void check();
  int wait_time() const;
  void wake() const;

  const Config config_;
  std::thread thread_;
  Fd wake_fd_;  // an eventfd, so that a single poll waits for tasks and for the server's farewell
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::deque<Task> tasks_;  // guarded by mutex_

  // used by the worker's thread only
  std::optional<Connection> connection_;
  Error why_{ErrorCode::unavailable, "PostgreSQL: not connected yet", {}};
  std::chrono::seconds delay_{0};
  Clock::time_point next_attempt_{};
  std::optional<bool> reported_;
  std::string reported_reason_;
};

}  // namespace cyborg::store
