// SPDX-License-Identifier: GPL-3.0-or-later
// Which archives are kept: borg's rules, and the cases in which nothing may be removed.
#include "plan/retention.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "core/fields.h"
#include "plan/properties.h"

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

// Every `step`, newest first.
std::vector<RetentionArchive> series(std::size_t count, Microseconds step) {
  std::vector<RetentionArchive> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(
        archive_at(static_cast<std::int64_t>(i), kNow - kHour - static_cast<Microseconds>(i) * step));
  }
  return all;
}

// Simulates the calendar: backs up and prunes at each elapse, until the archive is removed.
Microseconds goes_by_hand(const Retention& keep, std::vector<RetentionArchive> archives, std::int64_t id,
                          const std::vector<Microseconds>& elapses, std::int64_t minimum) {
  for (const Microseconds elapse : elapses) {
    archives.insert(archives.begin(), archive_at(1'000'000 + elapse / kHour, elapse));
    const auto verdicts = judge_archives(keep, archives, elapse, minimum);
    for (std::size_t i = archives.size(); i-- > 0;) {
      if (verdicts[i].keep) continue;
      if (archives[i].id == id) return elapse;
      archives.erase(archives.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return 0;
}

Microseconds goes(const Retention& keep, const std::vector<RetentionArchive>& archives, std::int64_t id,
                  const std::vector<Microseconds>& elapses, std::int64_t minimum = 0) {
  Forecast forecast{keep, minimum, archives, id};
  if (forecast.stays()) return 0;
  for (const Microseconds elapse : elapses) {
    if (forecast.step(archive_at(1'000'000 + elapse / kHour, elapse))) return elapse;
  }
  return 0;
}

std::vector<Microseconds> every(Microseconds step, std::size_t count) {
  std::vector<Microseconds> elapses;
  for (std::size_t i = 0; i < count; ++i) elapses.push_back(kNow + static_cast<Microseconds>(i) * step);
  return elapses;
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

// More rules never keep fewer archives; more archives never bring an older one back.
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

TEST(Forecast, SaysWhenAnArchiveGoes) {
  constexpr Microseconds kDay = 24 * kHour;
  struct Case {
    const char* name;
    Retention keep;
    std::size_t index;    // of a week of daily archives, the newest of which is an hour old
    std::size_t elapses;  // until it is gone; 0: never
  };
  const Case cases[] = {
      {"the last three keep it for three more backups", rules(3, 0), 0, 3},
      {"the oldest of them goes first", rules(3, 0), 2, 1},
      {"one that nothing keeps goes at the next", rules(3, 0), 5, 1},
      {"daily for a week", rules(0, 7), 0, 7},
      {"a younger one of its week takes its place", rules(0, 1, 2), 0, 1},
      {"on a monthly place it stays longer", rules(0, 2, 0, 3), 0, 0},
  };
  for (const auto& one : cases) {
    auto archives = series(7, kDay);
    for (auto& archive : archives) ++archive.id;  // those of the future have none
    const auto elapses = every(kDay, 60);
    const auto at = goes(one.keep, archives, static_cast<std::int64_t>(one.index) + 1, elapses);
    EXPECT_EQ(at, goes_by_hand(one.keep, archives, static_cast<std::int64_t>(one.index) + 1, elapses, 0))
        << one.name;
    if (one.elapses > 0) {
      EXPECT_EQ(at, elapses[one.elapses - 1]) << one.name;
    }
  }
}

TEST(Forecast, KnowsWhatNeverGoes) {
  constexpr Microseconds kDay = 24 * kHour;
  auto archives = series(7, kDay);
  for (auto& archive : archives) ++archive.id;
  EXPECT_EQ(goes(Retention{}, archives, 7, every(kDay, 100)), 0) << "no rule";
  EXPECT_EQ(goes(rules(1, 0), archives, 99, every(kDay, 100)), 0) << "no such archive";
  archives[6].pinned = true;
  EXPECT_EQ(goes(rules(1, 0), archives, 7, every(kDay, 100)), 0) << "pinned";
  archives[6].pinned = false;
  archives[6].missing = true;
  EXPECT_EQ(goes(rules(1, 0), archives, 7, every(kDay, 100)), 0) << "missing";
  EXPECT_EQ(goes(rules(1, 0), archives, 1, {}), 0) << "no elapse";
}

// For many rules, schedules and archives: the date equals the one found by stepping through the calendar.
TEST(Forecast, AgreesWithTheCalendarForAnyRule) {
  std::uint32_t state = 7;
  const auto pick = [&](std::uint32_t n) {
    state = state * 1'664'525 + 1'013'904'223;
    return (state >> 16) % n;
  };
  for (int round = 0; round < 150; ++round) {
    Retention keep;
    keep.last = pick(4);
    keep.hourly = pick(3) == 0 ? pick(6) : 0;
    keep.daily = pick(8);
    keep.weekly = pick(4);
    keep.monthly = pick(3);
    keep.within_seconds = std::chrono::hours{24 * pick(10)};
    const Microseconds step = std::array{6 * kHour, 24 * kHour, 72 * kHour, 168 * kHour}[pick(4)];
    auto archives = series(5 + pick(20), step);
    for (auto& archive : archives) ++archive.id;
    if (pick(3) == 0) archives[pick(5)].pinned = true;
    if (pick(3) == 0) archives[pick(5)].missing = true;
    const std::int64_t minimum = pick(4);
    const auto elapses = every(step, 150);
    const std::int64_t id = 1 + pick(static_cast<std::uint32_t>(archives.size()));
    const auto& chosen = archives[static_cast<std::size_t>(id - 1)];
    const bool stays = chosen.pinned || chosen.missing || !keep.any();
    EXPECT_EQ(goes(keep, archives, id, elapses, minimum),
              stays ? 0 : goes_by_hand(keep, archives, id, elapses, minimum))
        << "round " << round << ", archive " << id;
  }
}

TEST(Retention, MissingArchivesCountForNothing) {
  auto archives = series(4, 24 * kHour);
  archives[0].missing = true;
  const auto verdicts = judge_archives(rules(2, 0), archives, kNow, 0);
  EXPECT_TRUE(verdicts[0].keep);
  EXPECT_EQ(verdicts[0].rule, "it is missing from the repository");
  EXPECT_EQ(kept(rules(2, 0), archives), (std::vector<std::size_t>{0, 1, 2}));
  Job prune;
  const auto removals = choose_removals(prune, rules(2, 0), archives, JobState::successful, kNow, 0);
  ASSERT_TRUE(removals);
  EXPECT_EQ(removals->names, (std::vector<std::string>{"a3"}));
  EXPECT_EQ(removals->kept_ids, (std::vector<std::string>{"id1", "id2"}))
      << "it is not asked for in the listing";
  prune.details["archives"].append("a0");
  const auto by_name = choose_removals(prune, rules(2, 0), archives, JobState::successful, kNow, 0);
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->names, (std::vector<std::string>{"a0"}))
      << "whoever has seen it takes it out of the history";
}

TEST(ProjectElapses, GoOnAsTheyRepeatThemselves) {
  constexpr Microseconds kDay = 24 * kHour;
  const auto daily = project_elapses(every(kDay, 40), kNow + 100 * kDay, 1000);
  EXPECT_EQ(daily, every(kDay, 101)) << "every day";
  const auto few = project_elapses(every(kDay, 40), kNow + 100 * kDay, 50);
  EXPECT_EQ(few, every(kDay, 50)) << "no more than asked for";
  const auto known = project_elapses(every(kDay, 40), kNow + 10 * kDay, 1000);
  EXPECT_EQ(known, every(kDay, 11)) << "no further than asked for";
  const auto monthly = project_elapses(every(30 * kDay, 10), kNow + 1000 * kDay, 1000);
  EXPECT_EQ(monthly, every(30 * kDay, 10)) << "what is not weekly is not thought on";
  const auto short_list = project_elapses(every(kDay, 10), kNow + 100 * kDay, 1000);
  EXPECT_EQ(short_list, every(kDay, 10)) << "nor what is known of a few days only";
  EXPECT_TRUE(project_elapses({}, kNow, 10).empty());
}

// A rule that was forgotten here would leave a policy that has it alone without retention.
TEST(RetentionRules, EachAloneIsRetention) {
  EXPECT_FALSE(Retention{}.any());
  std::size_t rules = 0;
  for (const auto& row : kProperties<Retention>) {
    Retention keep;
    if (const auto* count = std::get_if<std::int64_t Retention::*>(&row.member)) keep.*(*count) = 1;
    if (const auto* span = std::get_if<Span<Retention>>(&row.member))
      keep.*(span->seconds) = std::chrono::seconds{1};
    EXPECT_TRUE(keep.any()) << row.key;
    ++rules;
  }
  EXPECT_EQ(rules, 7U);
}

}  // namespace
}  // namespace cyborg
