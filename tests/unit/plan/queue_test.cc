// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "plan/plan.h"
#include "unit/json_text.h"
#include "unit/plan/fleet.h"

namespace cyborg {
namespace {

using test::contains;
using test::job;

constexpr JobKind kBackup = JobKind::backup, kRestore = JobKind::restore,
                  kPrepareClient = JobKind::prepare_client, kPrepareRepository = JobKind::prepare_repository;

// The outcome for one pending job beside others.
TEST(Queue, LocksAndLimits) {
  struct Row {
    const char* title;
    std::vector<Job> beside;
    Job pending;
    QueueLimits limits;
    const char* obstacle;  // empty: it starts
  };
  const auto live = [](std::int64_t id, JobKind kind, const char* client, const char* url,
                       JobState state = JobState::running) { return job(id, kind, client, url, state); };
  const QueueLimits wide{};
  const std::vector<Row> rows{
      {"nothing else", {}, job(9, kBackup, "a", "/r"), wide, ""},
      {"a writer of the same repository",
       {live(1, kBackup, "b", "/r")},
       job(9, kBackup, "a", "/r"),
       wide,
       "job 1 writes to the borg repository /r"},
      {"a writer that starts",
       {live(1, kBackup, "b", "/r", JobState::starting)},
       job(9, kBackup, "a", "/r"),
       wide,
       "job 1 writes"},
      {"its preparation",
       {live(1, kPrepareRepository, "", "/r")},
       job(9, kBackup, "a", "/r"),
       wide,
       "job 1 writes"},
      {"a preparation beside a backup",
       {live(1, kBackup, "b", "/r")},
       job(9, kPrepareRepository, "", "/r"),
       wide,
       "job 1 writes"},
      {"another repository", {live(1, kBackup, "b", "/s")}, job(9, kBackup, "a", "/r"), wide, ""},
      {"the same client",
       {live(1, kBackup, "a", "/s")},
       job(9, kBackup, "a", "/r"),
       wide,
       "job 1 is at work on client a"},
      {"the client's preparation",
       {live(1, kPrepareClient, "a", "")},
       job(9, kBackup, "a", "/r"),
       wide,
       "job 1 is at work on client a"},
      {"a preparation beside the client's backup",
       {live(1, kBackup, "a", "/r")},
       job(9, kPrepareClient, "a"),
       wide,
       "job 1 is at work on client a"},
      {"a restore waits for no backup", {live(1, kBackup, "a", "/r")}, job(9, kRestore, "a", "/r"), wide, ""},
      {"a backup waits for no restore", {live(1, kRestore, "a", "/r")}, job(9, kBackup, "a", "/r"), wide, ""},
      {"a job that waits holds nothing",
       {live(1, kBackup, "a", "/r", JobState::waiting)},
       job(9, kBackup, "a", "/r"),
       wide,
       ""},
      {"all jobs",
       {live(1, kRestore, "b", "/s"), live(2, kRestore, "c", "/s")},
       job(9, kBackup, "a", "/r"),
       {2, 8},
       "limit: max_jobs is 2"},
      {"this server",
       {live(1, kRestore, "b", "/s")},
       job(9, kBackup, "a", "/r"),
       {16, 1},
       "limit: max_jobs_per_repository_host is 1, for this server"},
      {"the repository host",
       {live(1, kRestore, "b", "u@vault:/s")},
       job(9, kBackup, "a", "ssh://w@vault:2222/r"),
       {16, 1},
       "limit: max_jobs_per_repository_host is 1, for vault"},
      {"another repository host",
       {live(1, kRestore, "b", "u@vault:/s")},
       job(9, kBackup, "a", "/r"),
       {16, 1},
       ""},
      {"no repository host", {live(1, kRestore, "b", "/s")}, job(9, kPrepareClient, "a"), {16, 1}, ""},
  };
  for (const auto& row : rows) {
    Jobs unfinished{{9, row.pending}};
    for (const auto& other : row.beside) unfinished.emplace(other.id, other);
    const Decision decision = decide(unfinished, row.limits);
    if (*row.obstacle == '\0') {
      EXPECT_EQ(decision.start, std::vector<std::int64_t>{9}) << row.title;
      EXPECT_TRUE(decision.reasons.empty()) << row.title;
    } else {
      EXPECT_TRUE(decision.start.empty()) << row.title;
      ASSERT_TRUE(decision.reasons.contains(9)) << row.title;
      EXPECT_TRUE(contains(decision.reasons.at(9), row.obstacle))
          << row.title << ": " << decision.reasons.at(9);
    }
  }
}

TEST(Queue, WhatWasJustChosenHoldsItsLocks) {
  const Jobs unfinished{{1, job(1, kBackup, "a", "/r")},
                        {2, job(2, kBackup, "b", "/r")},
                        {3, job(3, kBackup, "a", "/s")},
                        {4, job(4, kBackup, "c", "/t")}};
  const Decision decision = decide(unfinished, {});
  EXPECT_EQ(decision.start, (std::vector<std::int64_t>{1, 4}));
  EXPECT_TRUE(contains(decision.reasons.at(2), "job 1 writes"));
  EXPECT_TRUE(contains(decision.reasons.at(3), "job 1 is at work"));
}

std::string host(const Job& of) {
  return of.borg_url.empty() ? "" : of.borg_url.starts_with('/') ? "here" : "vault";
}

// The rules, as simply as possible: no two of these jobs may conflict.
void expect_allowed(const std::vector<const Job*>& live, const QueueLimits& limits) {
  std::multiset<std::string> writers, clients, hosts;
  for (const Job* one : live) {
    if (one->kind == kBackup || one->kind == kPrepareRepository) writers.insert(one->borg_url);
    if (one->kind == kBackup || one->kind == kPrepareClient) clients.insert(one->client);
    if (!host(*one).empty()) hosts.insert(host(*one));
  }
  EXPECT_LE(live.size(), limits.jobs);
  for (const auto& url : writers) EXPECT_EQ(writers.count(url), 1U) << url;
  for (const auto& name : clients) EXPECT_EQ(clients.count(name), 1U) << name;
  for (const auto& name : hosts) EXPECT_LE(hosts.count(name), limits.jobs_per_repository_host) << name;
}

class RandomJobs {
 public:
  explicit RandomJobs(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_);
  }
  Job pending(std::int64_t id) {
    const auto kind = static_cast<JobKind>(below(4));
    const std::string client(1, static_cast<char>('a' + below(5)));
    std::string url = (below(2) ? "/r" : "u@vault:/r") + std::to_string(below(4));
    if (kind == kPrepareClient) url.clear();
    return job(id, kind, kind == kPrepareRepository ? "" : client, url);
  }

 private:
  std::mt19937 random_;
};

// Random jobs are added, start and end, until all are gone: no rule is ever broken, a job that does not start
// is told the reason, none stays for ever, and none is overtaken by a job that takes what it waits for.
TEST(Queue, HoldsItsRulesForRandomJobs) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    RandomJobs random{seed};
    const QueueLimits limits{1 + random.below(6), 1 + random.below(3)};
    Jobs unfinished;
    std::int64_t next = 1;
    const std::int64_t all = 60;
    for (int turn = 0; next <= all || !unfinished.empty(); ++turn) {
      ASSERT_LT(turn, 1000) << "a job never started; seed " << seed;
      for (std::size_t i = random.below(8); i > 0 && next <= all; --i, ++next) {
        unfinished.emplace(next, random.pending(next));
      }
      const Decision decision = decide(unfinished, limits);
      for (const std::int64_t id : decision.start) {
        ASSERT_EQ(unfinished.at(id).state, JobState::pending);
        unfinished.at(id).state = JobState::running;
      }
      std::vector<const Job*> live;
      std::size_t pending = 0;
      for (const auto& [id, one] : unfinished) {
        if (is_live(one.state)) live.push_back(&one);
        if (one.state != JobState::pending) continue;
        ++pending;
        ASSERT_TRUE(decision.reasons.contains(id)) << "seed " << seed << ", job " << id;
        EXPECT_FALSE(decision.reasons.at(id).empty());
      }
      EXPECT_EQ(decision.reasons.size(), pending) << "seed " << seed;
      expect_allowed(live, limits);
      if (HasFailure()) FAIL() << "seed " << seed;
      std::erase_if(unfinished,
                    [&](const auto& one) { return is_live(one.second.state) && random.below(3) == 0; });
    }
  }
}

// Asked again at once, nothing more may start: every decision was maximal.
TEST(Queue, StartsAllThatMayStart) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    RandomJobs random{seed};
    const QueueLimits limits{1 + random.below(10), 1 + random.below(5)};
    Jobs unfinished;
    for (std::int64_t id = 1; id <= 30; ++id) unfinished.emplace(id, random.pending(id));
    for (const std::int64_t id : decide(unfinished, limits).start)
      unfinished.at(id).state = JobState::starting;
    EXPECT_TRUE(decide(unfinished, limits).start.empty()) << "seed " << seed;
  }
}

// Jobs that need the same resource start in the order in which they arrived, however many younger ones
// arrive.
TEST(Queue, NoJobIsOvertakenByOneThatWantsTheSame) {
  Jobs unfinished{{1, job(1, kBackup, "x", "/r", JobState::running)}};
  std::vector<std::int64_t> order;
  for (std::int64_t id = 2; id <= 40; ++id) {
    unfinished.emplace(id, job(id, kBackup, std::string("c") + std::to_string(id), "/r"));
    if (id % 2 == 0) continue;
    std::erase_if(unfinished, [](const auto& one) { return is_live(one.second.state); });
    for (const std::int64_t started : decide(unfinished, {}).start) {
      unfinished.at(started).state = JobState::running;
      order.push_back(started);
    }
  }
  EXPECT_TRUE(std::ranges::is_sorted(order));
  EXPECT_EQ(order.size(), 19U);
  EXPECT_EQ(order.front(), 2);
}

}  // namespace
}  // namespace cyborg
