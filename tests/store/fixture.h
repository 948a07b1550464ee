// SPDX-License-Identifier: GPL-3.0-or-later
// A store on a fresh database, and an event loop to wait for its answers.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <mutex>
#include <optional>

#include "cluster.h"
#include "store/connection.h"
#include "store/postgres_store.h"

namespace cyborg::store::test {

class Loop {
 public:
  void post(std::function<void()> call) {
    const std::lock_guard lock{mutex_};
    calls_.push_back(std::move(call));
    changed_.notify_one();
  }
  // Runs posted calls until the condition holds; returns false if it did not in time.
  bool run_until(const std::function<bool()>& condition,
                 std::chrono::seconds limit = std::chrono::seconds{30}) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      std::function<void()> call;
      {
        std::unique_lock lock{mutex_};
        if (!changed_.wait_until(lock, deadline, [&] { return !calls_.empty(); })) return false;
        call = std::move(calls_.front());
        calls_.pop_front();
      }
      call();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
};

class StoreTest : public testing::Test {
 protected:
  explicit StoreTest(bool with_schema = true) : database_(Cluster::shared().create_database(with_schema)) {}

  void SetUp() override {
    open_store();
    ASSERT_TRUE(wait_available(true)) << reason_;
  }

  void open_store() {
    store_.reset();
    available_.reset();
    store_ = PostgresStore::make(
        PostgresStore::Config{Cluster::shared().conninfo(database_), "here"},
        [this](std::function<void()> call) { loop_.post(std::move(call)); },
        [this](bool available, std::string reason) {
          available_ = available;
          reason_ = std::move(reason);
        });
    store_->start();
  }

  bool wait_available(bool wanted, std::chrono::seconds limit = std::chrono::seconds{30}) {
    return loop_.run_until([&] { return available_ == wanted; }, limit);
  }

  // Returns the answer of store_->*method(arguments…, done).
  template <typename T, typename Method, typename... Arguments>
  Expected<T> ask(Method method, Arguments... arguments) {
    std::optional<Expected<T>> answer;
    (store_.get()->*method)(std::move(arguments)...,
                            Done<T>{[&](Expected<T> got) { answer.emplace(std::move(got)); }});
    if (!loop_.run_until([&] { return answer.has_value(); }))
      throw std::runtime_error("the store does not answer");
    return std::move(*answer);
  }

  // Like ask(), for operations that must succeed.
  template <typename T>
  static T good(Expected<T> answer) {
    if (!answer) throw std::runtime_error(answer.error().message);
    if constexpr (!std::is_void_v<T>) return std::move(*answer);
  }

  // Returns the first column of the first row.
  std::string sql(const std::string& statement) {
    auto connection = good(Connection::open(Cluster::shared().conninfo(database_)));
    auto result = good(connection.run(statement.c_str()));
    return result.empty() ? "" : result.row(0).get<std::string>(0);
  }

  // Adds the schedule nightly, the repositories vault ({client}) and local, the clients web and db, and the
  // policy etc for all of them.
  void add_objects();
  void put(Policy policy, bool create = true) {
    good(ask<void>(&Store::put_policy, std::move(policy), create, std::vector<Secret>{}));
  }
  static Policy etc();
  // Creates a run of etc: prepare-client web and prepare-repository, then backup; returns it with its jobs.
  CreatedRun add_run(const std::string& token = "00000000-0000-4000-8000-000000000001",
                     Microseconds scheduled = 0);
  static NewRun new_run(const std::string& token, Microseconds scheduled = 0);
  static JobResult result(JobState state, const std::string& message = "done");
  FinishedJob finish(std::int64_t id, JobResult result, Microseconds finished = 0) {
    return good(ask<FinishedJob>(&Store::finish_job, id, std::move(result), finished));
  }
  Snapshot load() { return good(ask<Snapshot>(&Store::load)); }

  std::string database_;
  Loop loop_;
  std::optional<bool> available_;
  std::string reason_;
  std::unique_ptr<PostgresStore> store_;
};

constexpr const char* kWebUrl = "ssh://borg@vault/./web";
inline const std::string kId = std::string(64, 'a');

}  // namespace cyborg::store::test
