// SPDX-License-Identifier: GPL-3.0-or-later
// Failures seen on machines that need an unlucky moment, reproduced in the shortest way.
#include <gtest/gtest.h>

#include "unit/manager/world.h"

namespace cyborg::test {
namespace {

// A table was locked for longer than the database's lock time-out: one query failed, while the connection was
// good.
TEST(Seen, AJobThatMetALockedTableIsStartedLater) {
  World world;
  world.add_run({world.planned(JobKind::backup, "a", "one")});
  world.boot();
  world.settle("get_secret");
  world.store().calls.answer("get_secret", Outcome::away);
  EXPECT_TRUE(world.run_out());
  EXPECT_EQ(world.stored(1).state, JobState::successful) << world.stored(1).reason;
}

// The last transactions were lost, and with them a run; the next run reuses its numbers.
class Failover : public testing::Test {
 protected:
  void SetUp() override {
    const Database before = world_.database;
    world_.add_run({world_.planned(JobKind::backup, "a", "one")});
    world_.boot();
    world_.settle();
    ASSERT_TRUE(world_.machine.runs(1));
    world_.database_away();
    world_.database = before;
    world_.database_back();
    world_.settle();
    world_.manager().run_policy("etc", {{"b"}, 0, false, "test", "", ""}, [](const Expected<RunAnswer>&) {});
  }
  void expect_own_result() {
    EXPECT_EQ(world_.violation(), "");
    EXPECT_TRUE(world_.run_out());
    EXPECT_EQ(world_.violation(), "");
    EXPECT_EQ(world_.stored(1).client, "b");
    EXPECT_EQ(world_.stored(1).state, JobState::successful) << world_.stored(1).reason;
    EXPECT_EQ(world_.database.results.at(1).message, identity_of(world_.stored(1)));
  }

  World world_;
};

TEST_F(Failover, TheResultOfALostJobIsNotTakenForTheOneThatGotItsNumber) {
  world_.settle("start_job");
  world_.systemd().end(1, JobState::successful);
  world_.settle();
  expect_own_result();
}

TEST_F(Failover, AJobWaitsForTheUnitOfTheLostOneWhoseNumberItGot) {
  world_.settle();
  world_.systemd().end(1, JobState::successful);
  world_.settle();
  expect_own_result();
}

// Nothing but the token in the result tells whose it is.
TEST_F(Failover, AResultThatALostJobLeftWhileNobodyLookedIsKeptAndNotTaken) {
  world_.settle("start_job");
  world_.crash();
  world_.machine.end(1, JobState::successful);
  world_.boot();
  world_.settle();
  EXPECT_EQ(world_.machine.set_aside, std::vector<std::string>{"backup a one archive-1"});
  expect_own_result();
}

TEST_F(Failover, AlsoADaemonThatIsRestartedMeanwhileTellsThemApart) {
  world_.settle("start_job");
  world_.machine.lost = {1};
  world_.restart();
  world_.settle();
  world_.systemd().end(1, JobState::successful);
  world_.settle();
  expect_own_result();
}

}  // namespace
}  // namespace cyborg::test
