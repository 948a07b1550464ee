// SPDX-License-Identifier: GPL-3.0-or-later
// Parts that need no running systemd: the loop, helper programs and the calendar tool.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "loop_runner.h"
#include "sd/calendar_tool.h"
#include "sd/child.h"

namespace cyborg::sd {
namespace {

using namespace std::chrono_literals;

// --- the loop

TEST(Loop, RunsPostedCallsOfThreadsInOrder) {
  Loop loop;
  std::vector<int> order;
  const auto thread_of_loop = std::this_thread::get_id();
  std::thread other{[&] {
    for (int i = 0; i < 1000; ++i)
      loop.post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), thread_of_loop);
        order.push_back(i);
        if (i == 999) loop.exit(7);
      });
  }};
  EXPECT_EQ(loop.run(), 7);
  other.join();
  ASSERT_EQ(order.size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(Loop, CallsPostedByPostedCallsRunToo) {
  Loop loop;
  loop.post([&] { loop.post([&] { loop.exit(3); }); });
  EXPECT_EQ(loop.run(), 3);
}

TEST(Loop, SurvivesExceptions) {
  Loop loop;
  loop.post([] { throw std::runtime_error("thrown on purpose"); });
  loop.post([] { throw 42; });
  loop.after("a", 1ms, [] { throw std::runtime_error("thrown on purpose"); });
  loop.after("b", 2ms, [&] { loop.exit(0); });
  EXPECT_EQ(loop.run(), 0);
}

TEST(Loop, ATimerReplacesTheOneOfTheSameKey) {
  Loop loop;
  std::string fired;
  loop.after("key", 1ms, [&] { fired += "first "; });
  loop.after("key", 2ms, [&] { fired += "second "; });
  loop.after("gone", 1ms, [&] { fired += "gone "; });
  loop.cancel("gone");
  loop.after("last", 20ms, [&] { loop.exit(0); });
  loop.run();
  EXPECT_EQ(fired, "second ");
}

TEST(Loop, ATimerMaySetItselfAnew) {
  Loop loop;
  int count = 0;
  std::function<void()> again = [&] {
    if (++count == 5) return loop.exit(0);
    loop.after("key", 0ms, again);
  };
  loop.after("key", 0ms, again);
  loop.run();
  EXPECT_EQ(count, 5);
}

TEST(Loop, TermAndHangupAreCallbacks) {
  Loop loop;
  std::string seen;
  loop.on_reload = [&] {
    seen += "reload ";
    raise(SIGTERM);
  };
  loop.on_terminate = [&] {
    seen += "terminate";
    loop.exit(0);
  };
  loop.post([] { raise(SIGHUP); });
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(seen, "reload terminate");
}

// --- helper programs

ChildEnd run_child(const std::vector<std::string>& argv, std::chrono::milliseconds timeout = 30s) {
  Loop loop;
  ChildEnd end;
  bool ended = false;
  Child child{loop, argv, {"CYBORG_TEST=set"}, timeout, [&](ChildEnd result) {
                end = std::move(result);
                ended = true;
              }};
  EXPECT_TRUE(run_until(loop, [&] { return ended; }));
  return end;
}

TEST(Child, GivesOutputErrorsAndStatus) {
  const ChildEnd end = run_child({"sh", "-c", "echo out $CYBORG_TEST; echo err >&2; cat; exit 3"});
  EXPECT_EQ(end.output, "out set\n");
  EXPECT_EQ(end.errors, "err\n");
  EXPECT_EQ(end.status, 3);
}

TEST(Child, CapsTheOutputAndReadsOn) {
  const ChildEnd end = run_child({"sh", "-c", "head -c 3000000 /dev/zero; echo done >&2"});
  EXPECT_EQ(end.output.size(), 1U << 20);
  EXPECT_EQ(end.errors, "done\n");
}

TEST(Child, IsKilledAfterItsTime) {
  // A grandchild keeps the pipes open.
  const ChildEnd end = run_child({"sh", "-c", "sleep 1000 & echo $!; wait"}, 200ms);
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.status, 128 + SIGKILL);
  kill(std::stoi(end.output), SIGKILL);
}

TEST(Child, InheritsNeitherBlockedNorIgnoredSignals) {
  const ChildEnd end = run_child({"sed", "-nE", "s/^Sig(Blk|Ign):\\s*//p", "/proc/self/status"});
  std::istringstream masks{end.output};
  std::uint64_t blocked = ~0ULL, ignored = ~0ULL;
  ASSERT_TRUE(masks >> std::hex >> blocked >> ignored) << end.output;
  EXPECT_EQ(blocked, 0U);
  EXPECT_EQ(ignored & (1ULL << (SIGPIPE - 1)), 0U);
}

TEST(Child, ReportsAProgramThatIsNotThere) {
  Loop loop;
  EXPECT_THROW(Child(loop, {"/nowhere/program"}, {}, 1s, nullptr), std::system_error);
}

// --- calendar expressions

Expected<std::vector<Microseconds>> elapses(const std::vector<std::string>& calendar, unsigned count) {
  Loop loop;
  CalendarTool tool{loop};
  Answer<std::vector<Microseconds>> answer;
  tool.next_elapses(calendar, count, answer.done());
  return answer.wait(loop);
}

constexpr Microseconds kSecond = 1'000'000;

TEST(Calendar, IsTheSortedUnionInUtc) {
  const auto times = elapses({"2199-01-01 10:00 Europe/Berlin", "2198-12-31 23:59:30 UTC",
                              "2199-01-01 09:00:00 UTC", "2199-07-01 00:00 America/New_York"},
                             5);
  ASSERT_TRUE(times) << times.error().message;
  // 2198-12-31 23:59:30, 2199-01-01 09:00 (twice), 2199-07-01 04:00
  EXPECT_EQ(*times,
            (std::vector<Microseconds>{7226582370 * kSecond, 7226614800 * kSecond, 7242235200 * kSecond}));
}

TEST(Calendar, GivesAsManyAsAskedFor) {
  const auto times = elapses({"*:0/1"}, 20);
  ASSERT_TRUE(times);
  ASSERT_EQ(times->size(), 20U);
  for (std::size_t i = 1; i < times->size(); ++i) EXPECT_EQ((*times)[i] - (*times)[i - 1], 60 * kSecond);
}

TEST(Calendar, UnderstandsTheServersTimeZone) {
  setenv("TZ", "Asia/Tokyo", 1);
  const auto local = elapses({"2199-01-01 09:00"}, 1);
  unsetenv("TZ");
  const auto utc = elapses({"2199-01-01 00:00 UTC"}, 1);
  ASSERT_TRUE(local && utc);
  EXPECT_EQ(*local, *utc);
}

TEST(Calendar, RefusesWhatIsInvalidAndSaysWhich) {
  const auto times = elapses({"daily", "25:00"}, 3);
  ASSERT_FALSE(times);
  EXPECT_EQ(times.error().code, ErrorCode::invalid_schedule);
  EXPECT_NE(times.error().message.find("'25:00'"), std::string::npos) << times.error().message;
}

TEST(Calendar, RefusesWhatNeverElapses) {
  for (const auto& calendar : {std::vector<std::string>{"2020-01-01"}, {"*-02-30", "2021-01-01"}, {}}) {
    const auto times = elapses(calendar, 3);
    ASSERT_FALSE(times);
    EXPECT_EQ(times.error().code, ErrorCode::invalid_schedule);
  }
  EXPECT_TRUE(elapses({"*-02-30", "daily"}, 1)) << "one of the union is enough";
}

TEST(Calendar, TakesAnExpressionForNoOption) {
  const auto times = elapses({"--version"}, 1);
  ASSERT_FALSE(times);
  EXPECT_NE(times.error().message.find("'--version'"), std::string::npos) << times.error().message;
}

TEST(Calendar, ServesManyAtOnce) {
  Loop loop;
  CalendarTool tool{loop};
  std::vector<Answer<std::vector<Microseconds>>> answers(20);
  for (auto& answer : answers) tool.next_elapses({"hourly"}, 1, answer.done());
  for (auto& answer : answers) ASSERT_TRUE(run_until(loop, [&] { return answer.answered(); }));
}

TEST(Calendar, ReadsTheWordingOfLaterVersions) {
  EXPECT_EQ(parse_elapses("  Normalized form: Mon 10:00:00\n"
                          "    Next elapse: Thu 1970-01-01 02:00:05 CET\n"
                          "       (in UTC): Thu 1970-01-01 00:00:05 UTC\n"
                          "       From now: 1 week left\n"
                          "   Iteration #2: Thu 1970-01-01 00:00:07 UTC"),
            (std::vector<Microseconds>{5 * kSecond, 7 * kSecond}));
}

}  // namespace
}  // namespace cyborg::sd
