// Which archives stay: borg's rules, and the cases in which nothing may go.
#include "core/retention.h"

#include <gtest/gtest.h>

#include <chrono>

#include "core/fields.h"
#include "core/objects.h"

namespace cyborg {
namespace {

using namespace std::chrono;

constexpr Microseconds kHour = 3'600'000'000;
constexpr Microseconds kNow = 1'795'305'600'000'000;  // 2026-11-22 00:00 UTC, a Sunday

RetentionArchive archive_at(std::int64_t id, Microseconds created) {
  const sys_time<microseconds> time{microseconds{created}};
  const auto days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const auto number = [](auto value) { return std::to_string(static_cast<int>(value)); };
  RetentionArchive a;
  a.id = id;
  a.name = "a" + std::to_string(id);
  a.borg_id = "id" + std::to_string(id);
  a.created = created;
  a.year = number(date.year());
  a.month = a.year + "-" + std::to_string(static_cast<unsigned>(date.month()));
  a.day = a.month + "-" + std::to_string(static_cast<unsigned>(date.day()));
  a.week = std::to_string((days.time_since_epoch().count() + 3) / 7);  // from Monday to Sunday
  a.hour = a.day + " " + std::to_string(duration_cast<hours>(time - days).count());
  return a;
}

// Every `step`, the newest first.
std::vector<RetentionArchive> series(std::size_t count, Microseconds step) {
  std::vector<RetentionArchive> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(
        archive_at(static_cast<std::int64_t>(i), kNow - kHour - static_cast<Microseconds>(i) * step));
  }
  return all;
}

std::vector<std::size_t> kept(const Retention& keep, const std::vector<RetentionArchive>& archives,
                              std::int64_t minimum = 0) {
  const auto verdicts = judge_archives(keep, archives, kNow, minimum);
  std::vector<std::size_t> indexes;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].keep) indexes.push_back(i);
  }
  return indexes;
}

Retention rules(std::int64_t last, std::int64_t daily, std::int64_t weekly = 0, std::int64_t monthly = 0) {
  Retention keep;
  keep.last = last;
  keep.daily = daily;
  keep.weekly = weekly;
  keep.monthly = monthly;
  return keep;
}

using Indexes = std::vector<std::size_t>;

TEST(Retention, WithoutARuleEverythingStays) {
  EXPECT_EQ(kept({}, series(5, kHour)).size(), 5U);
}

TEST(Retention, ADayKeepsItsNewestArchive) {
  // Four archives a day: 23:00, 17:00, 11:00, 05:00.
  EXPECT_EQ(kept(rules(0, 3), series(20, 6 * kHour)), (Indexes{0, 4, 8}));
}

TEST(Retention, ARuleCountsOnlyWhatNoRuleBeforeItKeeps) {
  // Daily archives from Saturday the 21st back. borg: days 0 and 1; of the weeks, the one of day 0 is taken
  // already, so the Sundays before count: indexes 6 and 13.
  EXPECT_EQ(kept(rules(0, 2, 2), series(30, 24 * kHour)), (Indexes{0, 1, 6, 13}));
}

TEST(Retention, LastCountsArchivesAndWithinTime) {
  EXPECT_EQ(kept(rules(3, 0), series(9, kHour)), (Indexes{0, 1, 2}));
  Retention within;
  within.within = "4h";
  within.within_seconds = hours{4};
  EXPECT_EQ(kept(within, series(9, kHour)), (Indexes{0, 1, 2}));
}

TEST(Retention, PinnedStaysAndCountsForNothing) {
  auto archives = series(6, 24 * kHour);
  archives[0].pinned = archives[4].pinned = true;
  EXPECT_EQ(kept(rules(0, 2), archives), (Indexes{0, 1, 2, 4}));
}

TEST(Retention, NeverBelowTheMinimum) {
  Retention within;
  within.within_seconds = minutes{1};
  EXPECT_EQ(kept(within, series(6, 24 * kHour), 2), (Indexes{0, 1}));
}

TEST(Retention, EachVerdictNamesItsRule) {
  const auto verdicts = judge_archives(rules(1, 2), series(4, 24 * kHour), kNow, 1);
  EXPECT_EQ(verdicts[0].rule, "last 1 of 1");
  EXPECT_EQ(verdicts[1].rule, "daily 1 of 2");
  EXPECT_EQ(verdicts[2].rule, "daily 2 of 2");
  EXPECT_EQ(verdicts[3].rule, "no rule keeps it");
}

// More rules never keep less, more archives never make an older one come back.
TEST(Retention, IsMonotonous) {
  for (std::int64_t daily = 0; daily < 5; ++daily) {
    for (std::int64_t weekly = 0; weekly < 4; ++weekly) {
      const auto archives = series(60, 11 * kHour);
      const auto less = kept(rules(1, daily, weekly), archives, 1);
      const auto more = kept(rules(1, daily + 1, weekly), archives, 1);
      EXPECT_LE(less.size(), more.size());
      EXPECT_LE(static_cast<std::int64_t>(less.size()), 1 + daily + weekly);
    }
  }
}

Job prune_job() {
  Job job;
  job.kind = JobKind::prune;
  job.policy = "etc";
  job.client = "web";
  return job;
}

TEST(Removals, AreWhatNoRuleKeeps) {
  const auto chosen = choose_removals(prune_job(), rules(1, 0), series(3, kHour), JobState::warning, kNow, 1);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->names, (std::vector<std::string>{"a1", "a2"}));
  EXPECT_EQ(chosen->ids, (std::vector<std::string>{"id1", "id2"}));
  EXPECT_EQ(chosen->kept_ids, (std::vector<std::string>{"id0"}));
}

TEST(Removals, NothingGoesAfterABackupThatFailed) {
  for (const JobState state : {JobState::failed, JobState::error, JobState::canceled, JobState::skipped}) {
    const auto chosen = choose_removals(prune_job(), rules(1, 0), series(3, kHour), state, kNow, 1);
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().message.find(to_string(state)), std::string::npos);
  }
}

TEST(Removals, NamedArchivesGoUnlessTheyArePinned) {
  Job job = prune_job();
  job.details["archives"].append("a1");
  auto archives = series(3, kHour);
  auto chosen = choose_removals(job, {}, archives, JobState::failed, kNow, 1);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->names, std::vector<std::string>{"a1"});
  archives[1].pinned = true;
  chosen = choose_removals(job, {}, archives, std::nullopt, kNow, 1);
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().message, "archive a1 is pinned");
}

TEST(Retention, IsReadFromProperties) {
  Policy base;
  base.name = "etc";
  Json::Value properties;
  properties["type"] = "config";
  properties["repositories"].append("vault");
  properties["clients"].append("web");
  properties["keep_daily"] = 7;
  properties["keep_within"] = "2d";
  properties["client_keep"]["web"]["keep_last"] = 3;
  const auto policy = apply_policy(base, properties);
  ASSERT_TRUE(policy) << policy.error().message;
  EXPECT_EQ(policy->keep.daily, 7);
  EXPECT_EQ(policy->keep.within_seconds, hours{48});
  EXPECT_EQ(retention_of(*policy, "web").last, 3);
  EXPECT_EQ(retention_of(*policy, "web").daily, 0);
  EXPECT_EQ(retention_from_json(to_json(policy->keep)).within_seconds, hours{48});
  properties["client_keep"] = Json::objectValue;
  properties["client_keep"]["db"]["keep_last"] = 3;
  const auto refused = apply_policy(base, properties);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "client_keep \"db\": expected a client of the policy");
  properties.removeMember("client_keep");
  properties["keep_daily"] = -1;
  EXPECT_FALSE(apply_policy(base, properties));
}

}  // namespace
}  // namespace cyborg
