// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs of all kinds, from the first query to the last record, with one misfortune at each step.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

constexpr std::array kKinds{JobKind::prepare_client, JobKind::prepare_repository,
                            JobKind::backup,         JobKind::restore,
                            JobKind::catalog,        JobKind::prune,
                            JobKind::compact,        JobKind::check,
                            JobKind::verify,         JobKind::list,
                            JobKind::withdraw};

// Creates a run with jobs of all kinds, in which a preparation and the jobs after it form a chain.
std::vector<std::int64_t> fill(World& world) {
  std::vector<NewJob> jobs;
  for (const JobKind kind : kKinds) {
    jobs.push_back(world.planned(kind, "a", has_repository(kind) ? "one" : ""));
    if (kind == JobKind::verify) jobs.back().archive.clear();
  }
  jobs[2].after = {0, 1};
  jobs[5].after = {2};
  return world.add_run(std::move(jobs));
}

// Does one step: an answer, the end of a job, or a timer. False: nothing is left to do.
bool step(World& world, Outcome outcome = Outcome::good) {
  for (Calls* calls : {&world.store().calls, &world.systemd().calls}) {
    if (calls->empty()) continue;
    calls->answer(std::size_t{0}, outcome);
    world.turn();
    return true;
  }
  for (const auto& [id, unit] : world.machine.units) {
    if (unit.ended) continue;
    world.systemd().end(id, JobState::successful);
    world.turn();
    return true;
  }
  return world.clock.advance();
}

void expect_good_end(World& world, const std::string& title) {
  EXPECT_TRUE(world.run_out()) << title << ": it goes on for ever";
  EXPECT_EQ(world.violation(), "") << title;
  for (const auto& [id, job] : world.database.jobs) {
    // There was no key to withdraw.
    const JobState expected = job.kind == JobKind::withdraw ? JobState::error : JobState::successful;
    EXPECT_EQ(job.state, expected) << title << ": job " << id << " (" << to_string(job.kind) << ") "
                                   << to_string(job.state) << " " << job.reason;
    // A job that never ran has no output that could be missing.
    const bool stored = world.database.output.contains(id);
    EXPECT_TRUE(stored || job.kind == JobKind::withdraw) << title << ": job " << id;
  }
  EXPECT_TRUE(world.manager().state().unfinished.empty()) << title;
  EXPECT_TRUE(world.machine.directories.empty()) << title;
  EXPECT_TRUE(world.machine.units.empty()) << title;
  EXPECT_EQ(world.machine.starts.size(), kKinds.size() - 1) << title;
}

// With the misfortune at the first step, at the second and so on, until there is no such step.
void at_each_step(const char* what, const std::function<void(World&)>& misfortune) {
  for (int at = 0;; ++at) {
    World world;
    fill(world);
    world.boot();
    bool on_the_way = true;
    for (int i = 0; i < at && on_the_way; ++i) on_the_way = step(world);
    if (!on_the_way) {
      EXPECT_GT(at, 50);
      return;
    }
    misfortune(world);
    expect_good_end(world, fmt::format("{} after {} steps", what, at));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Interruption, NoneLeavesAllJobsDone) {
  World world;
  fill(world);
  world.boot();
  expect_good_end(world, "undisturbed");
}

TEST(Interruption, ARestartAtEachStep) {
  at_each_step("a restart", [](World& world) { world.restart(); });
}

TEST(Interruption, TwoRestartsInARow) {
  at_each_step("two restarts", [](World& world) {
    world.restart();
    step(world);
    world.restart();
  });
}

TEST(Interruption, AJobEndsWhileTheDaemonIsDown) {
  at_each_step("an end between two daemons", [](World& world) {
    world.crash();
    std::vector<std::int64_t> running;
    for (const auto& [id, unit] : world.machine.units) {
      if (!unit.ended) running.push_back(id);
    }
    for (const std::int64_t id : running) world.machine.end(id, JobState::successful);
    world.boot();
  });
}

TEST(Interruption, EachCallFailsOnceAsUnavailable) {
  at_each_step("an answer \"away\"", [](World& world) { step(world, Outcome::away); });
}

TEST(Interruption, EachAnswerIsLostOnce) {
  at_each_step("a lost answer", [](World& world) {
    if (!world.store().calls.empty()) step(world, Outcome::lost);
    world.database_away();
    world.database_back();
  });
}

TEST(Interruption, EachQuestionToTheDatabaseFailsOnceForAnotherReason) {
  at_each_step("a broken answer", [](World& world) {
    if (!world.store().calls.empty()) step(world, Outcome::broken);
  });
}

TEST(Interruption, AStartWhoseAnswerIsLost) {
  at_each_step("a lost start", [](World& world) {
    if (world.systemd().calls.has("start_job")) world.systemd().calls.answer("start_job", Outcome::lost);
  });
}

TEST(Interruption, AnOutageAtEachStep) {
  at_each_step("an outage", [](World& world) {
    world.database_away();
    world.clock.advance();
    world.database_back();
  });
}

// A version without tokens was replaced by one with them.
TEST(Interruption, AnUpgradeAtEachStep) {
  for (int at = 0; at < 60; ++at) {
    World world;
    fill(world);
    for (auto& [id, job] : world.database.jobs) job.attempt.clear();
    world.boot();
    for (int i = 0; i < at; ++i) step(world);
    world.restart();
    expect_good_end(world, fmt::format("an upgrade after {} steps", at));
    EXPECT_TRUE(world.machine.set_aside.empty());
  }
}

// Each of several attempts has its own token, and only the last result counts.
TEST(Interruption, AnAttemptThatIsToBeRepeatedAndARestartAtEachStep) {
  for (int at = 0; at < 40; ++at) {
    World world;
    world.machine.started_twice_is_wrong = false;
    NewJob job = world.planned(JobKind::backup, "a", "one");
    job.details["retry"] = true;
    world.add_run({job});
    world.boot();
    world.settle();
    world.machine.next_code = "connection-lost";
    world.systemd().end(1, JobState::failed);
    world.machine.next_code.clear();
    for (int i = 0; i < at; ++i) step(world);
    world.restart();
    EXPECT_TRUE(world.run_out());
    EXPECT_EQ(world.violation(), "");
    EXPECT_EQ(world.stored(1).state, JobState::successful) << at << " " << world.stored(1).reason;
    EXPECT_EQ(world.machine.starts.size(), 2U) << at;
    EXPECT_TRUE(world.machine.set_aside.empty()) << at;
    EXPECT_NE(world.stored(1).attempt, job.attempt);
    EXPECT_TRUE(is_same_job(world.stored(1).attempt, job.attempt));
  }
}

}  // namespace
}  // namespace cyborg::test
