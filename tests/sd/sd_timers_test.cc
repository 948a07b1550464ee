// SPDX-License-Identifier: GPL-3.0-or-later
// Timers, against a real systemd.
#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <iterator>

#include "systemd_fixture.h"

namespace cyborg::sd {
namespace {

std::string timer(const std::string& calendar) {
  return "[Timer]\nOnCalendar=" + calendar + "\nPersistent=true\nAccuracySec=1us\n";
}
std::string timer_file(const std::string& policy) {
  return std::string{kTimers} + "/cyborg-policy@" + policy + ".timer";
}
std::string stamp_file(const std::string& policy) {
  return std::string{kStamps} + "/stamp-cyborg-policy@" + policy + ".timer";
}
std::string timer_unit(const std::string& policy) {
  return timer_unit_name("policy", policy);
}

// Each instance leaves a line; the number of lines is the number of elapses.
class TimerTest : public SystemdTest {
 protected:
  TimerTest() {
    fs::remove("/run/sd-test-elapsed");
    std::ofstream{std::string{kTimers} + "/cyborg-policy@.service"}
        << "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo %i >> /run/sd-test-elapsed'\n";
    run({"systemctl", "daemon-reload"});
  }
  ~TimerTest() override {
    fs::remove(std::string{kTimers} + "/cyborg-policy@.service");
    for (const auto& file : fs::directory_iterator{kStamps}) {
      if (file.path().filename().string().starts_with("stamp-cyborg-policy@")) fs::remove(file);
    }
  }
  static std::string elapsed() {
    std::ifstream file{"/run/sd-test-elapsed"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }
  // A time stamp of long ago: the timer has missed elapses since.
  static void make_old_stamp(const std::string& policy) {
    fs::create_directories(kStamps);
    const std::ofstream made{stamp_file(policy)};
    const timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, stamp_file(policy).c_str(), times, 0), 0);
  }
  static bool is_recent(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && ::time(nullptr) - status.st_mtime < 600;
  }
};

TEST_F(TimerTest, AreWrittenStartedChangedAndRemoved) {
  ASSERT_TRUE(set_timers({{"web-db.x_1", timer("2150-01-01 UTC")}, {"b", timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "ActiveState"), "active");
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "Unit"), "cyborg-policy@web-db.x_1.service");
  struct stat status{};
  ASSERT_EQ(::stat(timer_file("b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644U);

  ASSERT_TRUE(set_timers({{"web-db.x_1", timer("2152-02-02 UTC")}, {"c", timer("2153-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("web-db.x_1"), "TimersCalendar").find("2152-02-02"), std::string::npos);
  EXPECT_NE(property(timer_unit("web-db.x_1"), "NextElapseUSecRealtime").find("2152-02-02"),
            std::string::npos);
  EXPECT_EQ(property(timer_unit("web-db.x_1"), "NeedDaemonReload"), "no");
  EXPECT_EQ(property(timer_unit("c"), "ActiveState"), "active");
  EXPECT_EQ(property(timer_unit("b"), "LoadState"), "not-found");
  EXPECT_FALSE(fs::exists(timer_file("b")));

  ASSERT_TRUE(set_timers({}));
  EXPECT_EQ(run({"systemctl", "list-units", "--all", "--no-legend", "cyborg-policy@*.timer"}), "");
  EXPECT_EQ(elapsed(), "");
}

TEST_F(TimerTest, ElapseAndStartTheirInstance) {
  ASSERT_TRUE(set_timers({}));
  ASSERT_TRUE(set_timers({{"web-db", timer("*:*:*")}}));
  ASSERT_TRUE(run_until(*loop, [&] { return elapsed().starts_with("web-db\n"); }));
}

TEST_F(TimerTest, WhatElapsedWhileTheDaemonWasDownIsCaughtUp) {
  make_old_stamp("late");
  ASSERT_TRUE(set_timers({{"late", timer("2021-01-01 UTC")}, {"fresh", timer("2021-01-01 UTC")}}));
  ASSERT_TRUE(run_until(*loop, [&] { return !elapsed().empty(); }));
  EXPECT_EQ(property("cyborg-policy@fresh.service", "ActiveState"), "inactive");
  EXPECT_EQ(elapsed(), "late\n");
}

TEST_F(TimerTest, NewAndChangedOnesCatchUpOnNothing) {
  ASSERT_TRUE(set_timers({{"changed", timer("2150-01-01 UTC")}, {"same", timer("2150-01-01 UTC")}}));
  for (const char* policy : {"changed", "new", "same"}) make_old_stamp(policy);
  const std::string past = timer("2021-01-01 UTC\nOnCalendar=2150-01-01 UTC");
  ASSERT_TRUE(set_timers({{"changed", past}, {"new", past}, {"same", timer("2150-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("new"), "NextElapseUSecRealtime").find("2150"), std::string::npos);
  EXPECT_NE(property(timer_unit("changed"), "NextElapseUSecRealtime").find("2150"), std::string::npos);
  EXPECT_TRUE(is_recent(stamp_file("changed")));
  EXPECT_TRUE(is_recent(stamp_file("new")));
  EXPECT_FALSE(is_recent(stamp_file("same"))) << "not touched";
  EXPECT_EQ(elapsed(), "");
}

TEST_F(TimerTest, ARestartReconcilesAndReloadsOnlyIfNeeded) {
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}, {"old", timer("2150-01-01 UTC")}}));
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  std::ofstream{timer_file("foreign")} << timer("2150-01-01 UTC");
  run({"systemctl", "start", timer_unit("foreign")});
  const std::string since = property(timer_unit("kept"), "ActiveEnterTimestampMonotonic");
  restart();
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveEnterTimestampMonotonic"), since) << "left alone";
  EXPECT_EQ(property(timer_unit("foreign"), "LoadState"), "not-found");

  run({"systemctl", "stop", timer_unit("kept")});
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveState"), "inactive") << "the administrator's will";
  restart();
  ASSERT_TRUE(set_timers({{"kept", timer("2150-01-01 UTC")}}));
  EXPECT_EQ(property(timer_unit("kept"), "ActiveState"), "active");
}

TEST_F(TimerTest, ACrashBeforeTheReloadIsMadeUpFor) {
  ASSERT_TRUE(set_timers({{"a", timer("2150-01-01 UTC")}}));
  // The file that a daemon leaves when it dies after writing.
  const std::ofstream left{std::string{kTimers} + "/.cyborg-timers-changing"};
  std::ofstream{timer_file("a")} << timer("2160-01-01 UTC");
  restart();
  ASSERT_TRUE(set_timers({{"a", timer("2160-01-01 UTC")}}));
  EXPECT_NE(property(timer_unit("a"), "NextElapseUSecRealtime").find("2160"), std::string::npos);
  EXPECT_FALSE(fs::exists(std::string{kTimers} + "/.cyborg-timers-changing"));
}

TEST_F(TimerTest, OfSeveralAtOnceTheLatestWins) {
  std::vector<Answer<void>> answers(5);
  for (std::size_t i = 0; i < answers.size(); ++i)
    systemd->set_timers({{timer_unit("p" + std::to_string(i)), timer("2150-01-01 UTC")}}, answers[i].done());
  for (auto& answer : answers) ASSERT_TRUE(run_until(*loop, [&] { return answer.answered(); }));
  EXPECT_EQ(run({"systemctl", "list-units", "--all", "--plain", "--no-legend", "cyborg-policy@*.timer"})
                .substr(0, 22),
            "cyborg-policy@p4.timer");
}

TEST_F(TimerTest, ABadOneIsAnErrorAndTheOthersRun) {
  const auto set = set_timers({{"bad", "[Timer]\nOnCalendar=nonsense\n"}, {"good", timer("2150-01-01 UTC")}});
  ASSERT_FALSE(set);
  EXPECT_NE(set.error().message.find("cyborg-policy@bad.timer"), std::string::npos) << set.error().message;
  EXPECT_EQ(property(timer_unit("good"), "ActiveState"), "active");
  EXPECT_TRUE(set_timers({{"good", timer("2150-01-01 UTC")}}));
}

TEST_F(TimerTest, OfSeveralKindsAreOneSet) {
  const std::string check = timer_unit_name("check", "vault"), compact = timer_unit_name("compact", "vault");
  const std::string policy = timer_unit("vault");
  ASSERT_TRUE(set_units({{check, timer("2150-01-01 UTC")}, {policy, timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(check, "ActiveState"), "active");
  EXPECT_EQ(property(policy, "ActiveState"), "active");
  ASSERT_TRUE(set_units({{compact, timer("2150-01-01 UTC")}, {policy, timer("2151-01-01 UTC")}}));
  EXPECT_EQ(property(check, "ActiveState"), "inactive");
  EXPECT_FALSE(fs::exists(std::string{kTimers} + "/" + check));
  EXPECT_EQ(property(compact, "ActiveState"), "active");
  ASSERT_TRUE(set_units({}));
  EXPECT_EQ(property(compact, "ActiveState"), "inactive");
}

TEST_F(TimerTest, HundredsAreNoMatter) {
  std::map<std::string, std::string> timers;
  for (int i = 0; i < 300; ++i) timers["many-" + std::to_string(i)] = timer("2150-01-01 UTC");
  ASSERT_TRUE(set_timers(timers));
  EXPECT_EQ(property(timer_unit("many-299"), "ActiveState"), "active");
  EXPECT_TRUE(set_timers({}));
}

}  // namespace
}  // namespace cyborg::sd
