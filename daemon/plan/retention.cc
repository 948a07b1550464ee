// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "core/property_values.h"

namespace cyborg {
namespace {

struct Period {
  const char* name;  // the name of the rule; with the prefix "keep_", the key of its row
  std::int64_t Retention::* count;
  std::string RetentionArchive::* period;
};

// In the order in which borg applies them.
constexpr std::array kPeriods{
    Period{"last", &Retention::last, &RetentionArchive::name},
    Period{"hourly", &Retention::hourly, &RetentionArchive::hour},
    Period{"daily", &Retention::daily, &RetentionArchive::day},
    Period{"weekly", &Retention::weekly, &RetentionArchive::week},
    Period{"monthly", &Retention::monthly, &RetentionArchive::month},
    Period{"yearly", &Retention::yearly, &RetentionArchive::year},
};

void keep_periods(const Period& rule, std::int64_t count, const std::vector<RetentionArchive>& archives,
                  std::vector<Verdict>& verdicts) {
  std::int64_t kept = 0;
  const std::string* last = nullptr;
  for (std::size_t i = 0; i < archives.size() && kept < count; ++i) {
    if (archives[i].pinned || archives[i].missing) continue;
    const std::string& period = archives[i].*rule.period;
    if (last && *last == period) continue;
    last = &period;
    if (verdicts[i].keep) continue;
    verdicts[i] = {true, fmt::format("{} {} of {}", rule.name, ++kept, count)};
  }
}

}  // namespace

std::vector<Verdict> judge_archives(const Retention& keep, const std::vector<RetentionArchive>& archives,
                                    Microseconds now, std::int64_t minimum) {
  std::vector<Verdict> verdicts(archives.size());
  const Microseconds since = now - keep.within_seconds.count() * 1'000'000;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    if (archives[i].missing) {
      verdicts[i] = {true, "it is missing from the repository"};
    } else if (archives[i].pinned) {
      verdicts[i] = {true, "pinned"};
    } else if (!keep.any()) {
      verdicts[i] = {true, "the policy has no rule"};
    } else if (keep.within_seconds.count() > 0 && archives[i].created > since) {
      verdicts[i] = {true, fmt::format("within {}", keep.within)};
    }
  }
  for (const auto& rule : kPeriods) keep_periods(rule, keep.*rule.count, archives, verdicts);
  std::int64_t good = 0;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    if (!archives[i].pinned && !archives[i].missing && good++ < minimum && !verdicts[i].keep) {
      verdicts[i] = {true, fmt::format("minimum {} of {}", good, minimum)};
    }
    if (!verdicts[i].keep) verdicts[i].rule = "no rule keeps it";
  }
  return verdicts;
}

Expected<Removals> choose_removals(const Job& prune, const Retention& keep,
                                   const std::vector<RetentionArchive>& archives,
                                   const std::optional<JobState>& last_backup, Microseconds now,
                                   std::int64_t minimum) {
  std::set<std::string> named;
  for (const auto& name : prune.details["archives"]) named.insert(name.asString());
  if (named.empty() && last_backup && !is_good(*last_backup)) {
    return fail(ErrorCode::failed,
                fmt::format("the last backup of policy {} on {} was {}: nothing is removed", prune.policy,
                            prune.client, to_string(*last_backup)));
  }
  const auto verdicts = judge_archives(keep, archives, now, minimum);
  Removals removals;
  for (std::size_t i = 0; i < archives.size(); ++i) {
    const RetentionArchive& archive = archives[i];
    const bool goes = named.empty() ? !verdicts[i].keep : named.contains(archive.name);
    if (!goes && archive.missing) continue;
    if (!goes) {
      removals.kept_ids.push_back(archive.borg_id);
      continue;
    }
    if (archive.pinned) return fail(ErrorCode::failed, fmt::format("archive {} is pinned", archive.name));
    removals.names.push_back(archive.name);
    removals.ids.push_back(archive.borg_id);
  }
  return removals;
}

Forecast::Forecast(Retention keep, std::int64_t minimum, std::vector<RetentionArchive> archives,
                   std::int64_t archive)
    : keep_(std::move(keep)), minimum_(minimum), archives_(std::move(archives)), archive_(archive) {}

bool Forecast::stays() const {
  const auto archive = std::ranges::find(archives_, archive_, &RetentionArchive::id);
  return !keep_.any() || archive == archives_.end() || archive->pinned || archive->missing;
}

bool Forecast::step(RetentionArchive made) {
  const Microseconds now = made.created;
  archives_.insert(archives_.begin(), std::move(made));
  const auto verdicts = judge_archives(keep_, archives_, now, minimum_);
  std::vector<RetentionArchive> kept;
  bool gone = true;
  for (std::size_t i = 0; i < archives_.size(); ++i) {
    if (!verdicts[i].keep) continue;
    if (archives_[i].id == archive_) gone = false;
    kept.push_back(std::move(archives_[i]));
  }
  archives_ = std::move(kept);
  return gone;
}

std::vector<Microseconds> project_elapses(std::vector<Microseconds> known, Microseconds end,
                                          std::size_t most) {
  constexpr Microseconds kWeek = 7 * 86'400 * Microseconds{1'000'000};
  constexpr int kWeeks = 4;
  if (known.empty()) return known;
  const Microseconds last = known.back();
  const auto of_week = [&](int week) {  // 0 is the last one
    return std::ranges::count_if(known, [&](Microseconds time) {
      return time > last - (week + 1) * kWeek && time <= last - week * kWeek;
    });
  };
  const auto each = of_week(0);
  bool regular = known.front() <= last - kWeeks * kWeek;
  for (int week = 1; week < kWeeks; ++week) regular = regular && of_week(week) == each;
  if (regular) {
    while (known.back() < end && known.size() < most) {
      known.push_back(known[known.size() - static_cast<std::size_t>(each)] + kWeek);
    }
  }
  std::erase_if(known, [&](Microseconds time) { return time > end; });
  known.resize(std::min(known.size(), most));
  return known;
}

Json::Value to_json(const Retention& keep) {
  return json_of_set(keep);
}

Retention retention_from_json(const Json::Value& json) {
  return object_from_json<Retention>(json);
}

const Retention& retention_of(const Policy& policy, const std::string& client) {
  const auto own = policy.client_keep.find(client);
  return own != policy.client_keep.end() ? own->second : policy.keep;
}

}  // namespace cyborg
