// SPDX-License-Identifier: GPL-3.0-or-later
// Connecting, migrations, loss and return of the server.
#include <thread>

#include "fixture.h"
#include "store/migrate.h"

namespace cyborg::store::test {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class EmptyDatabase : public StoreTest {
 protected:
  EmptyDatabase() : StoreTest(false) {}
};

TEST_F(EmptyDatabase, is_migrated_at_start) {
  EXPECT_EQ(sql("select count(*) from schema_migration"), std::to_string(migrations().size()));
  EXPECT_TRUE(load().policies.empty());
}

TEST_F(EmptyDatabase, failed_migration_leaves_nothing_and_names_itself) {
  auto connection = good(Connection::open(Cluster::shared().conninfo(database_)));
  auto steps = migrations();
  steps.push_back({static_cast<int>(steps.size()) + 1, "good", "create table made (x int)"});
  steps.push_back({static_cast<int>(steps.size()) + 1, "bad", "create table half (x int); select 1 / 0"});
  const auto done = migrate(connection, steps);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("(bad): PostgreSQL: division by zero"), std::string::npos)
      << done.error().message;
  EXPECT_EQ(sql("select to_regclass('made') is not null and to_regclass('half') is null"), "t");
}

TEST_F(EmptyDatabase, two_servers_migrate_at_once) {
  auto steps = migrations();
  for (int i = 0; i < 5; ++i) {
    steps.push_back({static_cast<int>(steps.size()) + 1, "slow", "select pg_sleep(0.02)"});
  }
  std::vector<std::thread> servers;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; ++i) {
    servers.emplace_back([&] {
      auto connection = Connection::open(Cluster::shared().conninfo(database_));
      if (!connection || !migrate(*connection, steps)) ++failures;
    });
  }
  for (auto& server : servers) server.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(sql("select count(*) from schema_migration"), std::to_string(steps.size()));
}

TEST_F(StoreTest, database_newer_than_the_program_is_refused) {
  sql("insert into schema_migration (version, name) values (4711, 'future')");
  open_store();
  ASSERT_TRUE(wait_available(false));
  EXPECT_NE(reason_.find("schema version 4711"), std::string::npos) << reason_;
  EXPECT_NE(reason_.find("versions up to " + std::to_string(migrations().size())), std::string::npos)
      << reason_;
  EXPECT_NE(reason_.find("install the cyborgd"), std::string::npos) << reason_;
  const auto refused = ask<Snapshot>(&Store::load);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(ask<Page<Job>>(&Store::list_jobs, JobFilter{}, 10U, std::int64_t{0}).error().code,
            ErrorCode::unavailable);
  sql("delete from schema_migration where version = 4711");
  EXPECT_TRUE(wait_available(true));
}

TEST_F(StoreTest, database_that_does_not_exist) {
  database_ = "nowhere";
  open_store();
  ASSERT_TRUE(wait_available(false));
  EXPECT_NE(reason_.find("\"nowhere\" does not exist"), std::string::npos) << reason_;
}

class Loss : public StoreTest {
 protected:
  void TearDown() override {
    store_.reset();
    try {
      Cluster::shared().execute("postgres", "select 1");
    } catch (const std::exception&) {
      Cluster::shared().start();
    }
  }
  void expect_unavailable() {
    const auto start = steady_clock::now();
    const auto put = ask<void>(&Store::set_setting, std::string{"a"}, std::string{"b"});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, ErrorCode::unavailable);
    const auto list = ask<Page<Job>>(&Store::list_jobs, JobFilter{}, 10U, std::int64_t{0});
    ASSERT_FALSE(list);
    EXPECT_EQ(list.error().code, ErrorCode::unavailable);
    EXPECT_LT(steady_clock::now() - start, seconds{12});
  }
  void expect_working() {
    EXPECT_TRUE(ask<void>(&Store::set_setting, std::string{"a"}, std::string{"b"}));
    const auto list = ask<Page<Job>>(&Store::list_jobs, JobFilter{}, 10U, std::int64_t{0});
    EXPECT_TRUE(list) << list.error().message;
  }
};

TEST_F(Loss, stopped_server_is_noticed_while_idle_and_comes_back) {
  expect_working();
  Cluster::shared().stop();
  ASSERT_TRUE(wait_available(false, seconds{20}));
  EXPECT_FALSE(reason_.empty());
  expect_unavailable();
  Cluster::shared().start();
  ASSERT_TRUE(wait_available(true, seconds{20}));
  expect_working();
}

TEST_F(Loss, crashed_server) {
  add_objects();
  const auto run = add_run();
  Cluster::shared().crash();
  ASSERT_TRUE(wait_available(false, seconds{20}));
  const auto lost =
      ask<FinishedJob>(&Store::finish_job, run.jobs[0].id, result(JobState::successful), Microseconds{0});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::unavailable);
  Cluster::shared().start();
  ASSERT_TRUE(wait_available(true, seconds{20}));
  EXPECT_EQ(load().jobs.size(), 3U);
  EXPECT_FALSE(finish(run.jobs[0].id, result(JobState::successful)).repeated);
}

TEST_F(Loss, connections_ended_by_an_administrator_are_replaced) {
  expect_working();
  Cluster::shared().execute(
      "postgres",
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + database_ + "'");
  ASSERT_TRUE(wait_available(false, seconds{20}));
  ASSERT_TRUE(wait_available(true, seconds{20}));
  expect_working();
}

TEST_F(Loss, frozen_server_hangs_nobody) {
  expect_working();
  Cluster::shared().freeze();
  expect_unavailable();
  ASSERT_TRUE(wait_available(false));
  Cluster::shared().thaw();
  ASSERT_TRUE(wait_available(true, seconds{20}));
  expect_working();
}

TEST_F(Loss, server_that_is_down_at_start) {
  Cluster::shared().stop();
  open_store();
  ASSERT_TRUE(wait_available(false, seconds{20}));
  Cluster::shared().start();
  EXPECT_TRUE(wait_available(true, seconds{20}));
}

TEST_F(Loss, destroyed_with_work_in_the_queue) {
  for (int i = 0; i < 200; ++i) {
    store_->set_setting("a", std::to_string(i), [](Expected<void>) {});
  }
  const auto start = steady_clock::now();
  store_.reset();
  EXPECT_LT(steady_clock::now() - start, seconds{2});
}

TEST_F(StoreTest, calls_nobody_once_it_is_destroyed) {
  bool called = false;
  store_->set_setting("a", "b", [&](Expected<void>) { called = true; });
  while (sql("select count(*) from setting") == "0") continue;
  store_.reset();
  EXPECT_FALSE(loop_.run_until([&] { return called; }, seconds{1}));
}

TEST_F(StoreTest, deadlock_is_repeated) {
  sql("create table pair (id int primary key, n int)");
  sql("insert into pair values (1, 0), (2, 0)");
  const auto add = [&](int first, int second) {
    auto connection = good(Connection::open(Cluster::shared().conninfo(database_)));
    return connection.transact<void>([&]() -> Expected<void> {
      for (const int id : {first, second}) {
        auto done = connection.run("update pair set n = n + 1 where id = $1", Params{id});
        if (!done) return std::unexpected(done.error());
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
      }
      return {};
    });
  };
  Expected<void> one, two;
  std::thread other{[&] { one = add(1, 2); }};
  two = add(2, 1);
  other.join();
  EXPECT_TRUE(one);
  EXPECT_TRUE(two);
  EXPECT_EQ(sql("select min(n) * 10 + max(n) from pair"), "22");
}

TEST_F(StoreTest, parameters_come_back_as_they_were) {
  auto connection = good(Connection::open(Cluster::shared().conninfo(database_)));
  const std::vector<std::string> list{"", "a b", "\"'$`\\", "{,}", "NULL", "\xc3\xa4\n\t"};
  Json::Value json{Json::objectValue};
  json["k\"\\"] = "\xc3\xa4 \n'";
  const std::string bytes{"\0\x01\xff'\\", 5};
  auto result =
      good(connection.run("select $1::text[], $2::jsonb, $3::bytea, $4::bigint[], $5::bool, $6::text",
                          Params{list, json, Bytes{bytes}, std::vector<std::int64_t>{-1, 1LL << 62}, true,
                                 std::optional<std::string>{}}));
  const Row row = result.row(0);
  EXPECT_EQ(row.get<std::vector<std::string>>(0), list);
  EXPECT_EQ(row.get<Json::Value>(1), json);
  EXPECT_EQ(row.get<Bytes>(2).data, bytes);
  EXPECT_EQ(row.get<std::vector<std::int64_t>>(3), (std::vector<std::int64_t>{-1, 1LL << 62}));
  EXPECT_TRUE(row.get<bool>(4));
  const auto nul = connection.run("select $1::text", Params{std::string{"a\0b", 3}});
  ASSERT_FALSE(nul);
  EXPECT_EQ(nul.error().code, ErrorCode::invalid_argument);
  const auto malformed = connection.run("select $1::text", Params{std::string{"\xff"}});
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace cyborg::store::test
