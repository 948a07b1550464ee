// SPDX-License-Identifier: GPL-3.0-or-later
// Which archives a policy keeps: borg prune's rules, applied to exactly known archives. Pure: takes times and
// the calendar periods that they fall into, and returns a verdict for each archive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

// An archive of a series (one policy, client and borg repository).
struct RetentionArchive {
  std::int64_t id = 0;
  std::string name;
  std::string borg_id;
  Microseconds created = 0;
  bool pinned = false;
  bool missing = false;  // missing from the repository, according to a listing: it is ignored
  // The periods that it falls into in the schedule's time zone, as texts that are equal within the same
  // period: "2026-11-22 14", "2026-11-22", "2026-47", "2026-11", "2026".
  std::string hour, day, week, month, year;
};

struct Verdict {
  bool keep = false;
  std::string rule;  // "daily 2 of 7", "pinned" …; for a removed archive, why nothing keeps it
};

// Returns a verdict for each archive; archives must be ordered from newest to oldest. As in borg, each rule
// keeps the newest archive of each of its periods, and counts only archives that no earlier rule keeps. A
// pinned archive is always kept, but not counted. At least the `minimum` newest archives are kept.
std::vector<Verdict> judge_archives(const Retention& keep, const std::vector<RetentionArchive>& archives,
                                    Microseconds now, std::int64_t minimum);

// Predicts the removal of one archive if its policy keeps to its schedule: each elapse makes a successful
// backup, followed by a prune.
class Forecast {
 public:
  // archives: as for judge_archives.
  Forecast(Retention keep, std::int64_t minimum, std::vector<RetentionArchive> archives,
           std::int64_t archive);
  // Simulates the next elapse, which creates this archive. Returns whether it removes the one in question.
  bool step(RetentionArchive made);
  // Whether nothing will ever remove it.
  bool stays() const;

 private:
  Retention keep_;
  std::int64_t minimum_;
  std::vector<RetentionArchive> archives_;
  std::int64_t archive_;
};

// The elapses of a schedule until `end`, at most `most`. systemd returned the first ones; a weekly pattern is
// extrapolated.
std::vector<Microseconds> project_elapses(std::vector<Microseconds> known, Microseconds end,
                                          std::size_t most);

// The archives that a prune job removes: those it names (details.archives), or those retention does not keep.
// Fails, with the reason, if nothing may be removed: the last backup failed, or an archive is pinned.
struct Removals {
  std::vector<std::string> names, ids;  // in the same order
  std::vector<std::string> kept_ids;
};
Expected<Removals> choose_removals(const Job& prune, const Retention& keep,
                                   const std::vector<RetentionArchive>& archives,
                                   const std::optional<JobState>& last_backup, Microseconds now,
                                   std::int64_t minimum);

Json::Value to_json(const Retention& keep);  // the rules that are set
Retention retention_from_json(const Json::Value& json);

// The policy's retention, or the client's own if it has one.
const Retention& retention_of(const Policy& policy, const std::string& client);

}  // namespace cyborg
