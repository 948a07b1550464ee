// SPDX-License-Identifier: GPL-3.0-or-later
// The manager answers every caller once, later, and never from within the call: for each method, whether the
// answer is known at once (nothing is loaded yet, the object does not exist) or comes from the database.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

// Counts answers.
struct Answers {
  int count = 0;
  template <typename T>
  Done<T> done() {
    return [this](const Expected<T>&) { ++count; };
  }
};

struct Method {
  const char* name;
  // Uses an object that exists ("a", "one", "etc", job 1 and so on), or one that does not.
  void (*call)(Manager& manager, bool exists, Answers& answers);
};

const Json::Value kNothing{Json::objectValue};
using Rows = std::vector<Json::Value>;
using Ids = std::vector<std::int64_t>;
using Page = JsonPage<Json::Value>;

const RunRequest kRequest{{}, 0, false, "test", "", ""};
PrepareOptions preparation() {
  return {std::nullopt, false, false, "test"};
}
std::string named(bool exists, const char* name) {
  return exists ? name : "ghost";
}

const std::vector<Method>& methods() {
  using M = Manager&;
  using A = Answers&;
  static const std::vector<Method> all{
      {"put_schedule",
       [](M m, bool exists, A a) {
         Json::Value properties{Json::objectValue};
         properties["crontab"] = exists ? "0 3 * * *" : "never";
         m.put_schedule("nightly", properties, true, a.done<void>());
       }},
      {"put_repository",
       [](M m, bool e, A a) { m.put_repository(named(e, "one"), kNothing, {}, false, a.done<void>()); }},
      {"put_client", [](M m, bool e, A a) { m.put_client(named(e, "a"), kNothing, false, a.done<void>()); }},
      {"put_policy",
       [](M m, bool e, A a) { m.put_policy(named(e, "etc"), kNothing, {}, false, a.done<void>()); }},
      {"remove", [](M m, bool e, A a) { m.remove(ObjectKind::client, named(e, "a"), true, a.done<void>()); }},
      {"run_policy", [](M m, bool e, A a) { m.run_policy(named(e, "etc"), kRequest, a.done<RunAnswer>()); }},
      {"prepare_client",
       [](M m, bool e, A a) { m.prepare_client(named(e, "a"), preparation(), a.done<std::int64_t>()); }},
      {"prepare_repository",
       [](M m, bool e, A a) { m.prepare_repository(named(e, "one"), {}, preparation(), a.done<Ids>()); }},
      {"change_passphrase",
       [](M m, bool e, A a) { m.change_passphrase(named(e, "one"), {}, {}, "test", a.done<Ids>()); }},
      {"restore",
       [](M m, bool e, A a) {
         RestoreOptions options;
         if (e) options.what.directory = "/tmp/x";
         m.restore("old-1", options, a.done<std::int64_t>());
       }},
      {"cancel_job", [](M m, bool e, A a) { m.cancel_job(e ? 1 : 99, a.done<void>()); }},
      {"retry_job", [](M m, bool e, A a) { m.retry_job(e ? 1 : 99, "test", a.done<RunAnswer>()); }},
      {"method_of_retry",
       [](M m, bool e, A a) { m.method_of_retry(e ? 1 : 99, a.done<std::optional<std::string_view>>()); }},
      {"prune_policy",
       [](M m, bool e, A a) { m.prune_policy(named(e, "etc"), kRequest, a.done<RunAnswer>()); }},
      {"run_on_repository",
       [](M m, bool e, A a) {
         m.run_on_repository(JobKind::check, named(e, "one"), kNothing, kRequest, a.done<Ids>());
       }},
      {"verify_policy",
       [](M m, bool e, A a) { m.verify_policy(named(e, "etc"), kRequest, a.done<RunAnswer>()); }},
      {"verify_archive",
       [](M m, bool e, A a) { m.verify_archive(named(e, "old-1"), "test", a.done<std::int64_t>()); }},
      {"withdraw_keys",
       [](M m, bool e, A a) { m.withdraw_keys(named(e, "one"), {}, e, "test", a.done<Ids>()); }},
      {"remove_archive",
       [](M m, bool e, A a) { m.remove_archive(named(e, "old-1"), "test", a.done<std::int64_t>()); }},
      {"update_archive",
       [](M m, bool e, A a) {
         Json::Value properties{Json::objectValue};
         properties[e ? "comment" : "ghost"] = "x";
         m.update_archive("old-1", properties, a.done<void>());
       }},
      {"import_archives", [](M m, bool e, A a) { m.import_archives(named(e, "one"), {}, a.done<Ids>()); }},
      {"list_repository_archives",
       [](M m, bool e, A a) {
         m.list_repository_archives(named(e, "one"), kNothing, 10, "", a.done<Page>());
       }},
      {"explain_archive",
       [](M m, bool e, A a) { m.explain_archive(named(e, "old-1"), a.done<Json::Value>()); }},
      {"list_elapses",
       [](M m, bool e, A a) { m.list_elapses(named(e, "etc"), 5, a.done<std::vector<Microseconds>>()); }},
      {"list_jobs", [](M m, bool e, A a) { m.list_jobs(kNothing, e ? 10 : 0, "", a.done<Page>()); }},
      {"get_job", [](M m, bool e, A a) { m.get_job(e ? 1 : 99, a.done<Json::Value>()); }},
      {"read_log", [](M m, bool e, A a) { m.read_log(e ? 1 : 99, 0, 10, a.done<LogPage>()); }},
      {"follow", [](M m, bool e, A a) { m.follow(":1.1", e ? 1 : 99, 0, a.done<void>()); }},
      {"list_archives", [](M m, bool e, A a) { m.list_archives(kNothing, e ? 10 : 0, "", a.done<Page>()); }},
      {"find_files", [](M m, bool e, A a) { m.find_files("x", kNothing, e ? 10 : 0, "", a.done<Page>()); }},
      {"list_files", [](M m, bool e, A a) { m.list_files("old-1", "", e ? 10 : 0, "", a.done<Page>()); }},
      {"diff_archives",
       [](M m, bool e, A a) { m.diff_archives("old-1", "old-2", e ? 10 : 0, "", a.done<Page>()); }},
      {"file_history", [](M m, bool e, A a) { m.file_history("a", "etc", e ? 10 : 0, "", a.done<Page>()); }},
      {"drop_catalog", [](M m, bool e, A a) { m.drop_catalog(named(e, "a"), a.done<void>()); }},
      {"rebuild_catalog",
       [](M m, bool e, A a) { m.rebuild_catalog(named(e, "a"), "test", a.done<RunAnswer>()); }},
      {"discover_client", [](M m, bool e, A a) { m.discover_client(named(e, "a"), a.done<Rows>()); }},
      {"fleet_status", [](M m, bool, A a) { m.fleet_status(a.done<Rows>()); }},
      {"repository_status", [](M m, bool, A a) { m.repository_status(a.done<Rows>()); }},
      {"set_setting", [](M m, bool e, A a) { m.set_setting(e ? "max_jobs" : "ghost", "5", a.done<void>()); }},
      {"export_key", [](M m, bool e, A a) { m.export_key(named(e, "one"), "", a.done<std::string>()); }},
  };
  return all;
}

TEST(Done, TheTableHasEachMethodThatTakesOne) {
  std::ifstream file{std::string{CYBORG_SOURCE_DIR} + "/daemon/manager/manager.h"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  const std::string open =
      text.substr(text.find("class Manager"), text.find(" private:") - text.find("class Manager"));
  std::set<std::string> declared;
  const std::regex pattern{R"(void (\w+)\(([^;]*)\);)"};
  for (std::sregex_iterator match{open.begin(), open.end(), pattern}, end; match != end; ++match) {
    if ((*match)[2].str().find("Done<") != std::string::npos) declared.insert((*match)[1]);
  }
  std::set<std::string> tested;
  for (const auto& method : methods()) tested.insert(method.name);
  EXPECT_EQ(tested, declared);
}

void expect_answered_once(World& world, const Method& method, bool exists, const char* when) {
  const std::string title =
      fmt::format("{}, {}, {}", method.name, exists ? "that exists" : "that does not", when);
  Answers answers;
  method.call(world.manager(), exists, answers);
  EXPECT_EQ(answers.count, 0) << title << ": answered from within the call";
  world.settle();
  EXPECT_EQ(answers.count, 1) << title;
  world.run_out();
  EXPECT_EQ(answers.count, 1) << title << ", when all is over";
}

TEST(Done, IsCalledOnceAndLater) {
  for (const auto& method : methods()) {
    for (const bool exists : {true, false}) {
      World fresh;
      fresh.boot();
      fresh.crash();
      fresh.construct();
      expect_answered_once(fresh, method, exists, "before anything is loaded");
      World world;
      world.add_run({world.planned(JobKind::backup, "a", "one")});
      world.boot();
      world.settle();
      expect_answered_once(world, method, exists, "with all at hand");
    }
  }
}

TEST(Done, IsCalledOnceWhenTheDatabaseFails) {
  for (const auto& method : methods()) {
    for (const Outcome outcome : {Outcome::away, Outcome::broken, Outcome::lost}) {
      World world;
      world.add_run({world.planned(JobKind::backup, "a", "one")});
      world.boot();
      world.settle();
      Answers answers;
      method.call(world.manager(), true, answers);
      world.turn();
      if (!world.store().calls.empty()) world.store().calls.answer(std::size_t{0}, outcome);
      world.settle();
      EXPECT_EQ(answers.count, 1) << method.name;
    }
  }
}

// A follower gets output only after the answer to its call.
TEST(Done, OfFollowIsCalledBeforeTheFirstLine) {
  World world;
  world.add_run({world.planned(JobKind::backup, "a", "one")});
  world.boot();
  world.settle();
  world.systemd().end(1, JobState::successful);
  world.settle("append_output");
  bool told_before = true;
  world.manager().follow(":1.1", 1, 0, [&](const Expected<void>& answer) {
    EXPECT_TRUE(answer);
    told_before = !world.publisher().told.empty();
  });
  world.settle();
  EXPECT_FALSE(told_before);
  EXPECT_EQ(world.publisher().told, std::vector<std::string>{":1.1"});
}

}  // namespace
}  // namespace cyborg::test
