// Which archives a policy keeps: borg prune's rules, on archives that are known exactly. Pure: times and the
// calendar periods they fall into come in, a verdict for each archive goes out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

// One archive of a series (one policy, client and borg repository).
struct RetentionArchive {
  std::int64_t id = 0;
  std::string name;
  std::string borg_id;
  Microseconds created = 0;
  bool pinned = false;
  bool missing = false;  // from the repository, as a listing has shown: it counts for nothing
  // The periods it falls into in the schedule's time zone, as texts that are equal within one and the same:
  // "2026-11-22 14", "2026-11-22", "2026-47", "2026-11", "2026".
  std::string hour, day, week, month, year;
};

struct Verdict {
  bool keep = false;
  std::string rule;  // "daily 2 of 7", "pinned" …; of one that goes: why nothing keeps it
};

// One verdict for each archive, which must be ordered from the newest to the oldest. As in borg, each rule
// takes the newest archive of each of its periods, and counts only what no rule before it keeps. A pinned
// archive is always kept, and counts for nothing. At least `minimum` are kept, the newest of them.
std::vector<Verdict> judge_archives(const Retention& keep, const std::vector<RetentionArchive>& archives,
                                    Microseconds now, std::int64_t minimum);

// What will become of one archive when its policy's schedule goes on as planned: at each elapse a good
// backup, and a prune behind it.
class Forecast {
 public:
  // archives as for judge_archives.
  Forecast(Retention keep, std::int64_t minimum, std::vector<RetentionArchive> archives,
           std::int64_t archive);
  // The next elapse, and the archive that it leaves. Whether the archive in question is gone after it.
  bool step(RetentionArchive made);
  // Nothing will ever remove it.
  bool stays() const;

 private:
  Retention keep_;
  std::int64_t minimum_;
  std::vector<RetentionArchive> archives_;
  std::int64_t archive_;
};

// The elapses of a schedule until `end`, of which systemd told the first: what repeats itself every week goes
// on to do so. At most `most`.
std::vector<Microseconds> project_elapses(std::vector<Microseconds> known, Microseconds end,
                                          std::size_t most);

// What a prune job removes: the archives it names (details.archives), or those that retention does not keep.
// Fails, naming why, when nothing may be removed: the last backup did not succeed, or an archive is pinned.
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

// The policy's, or the client's own where it has one.
const Retention& retention_of(const Policy& policy, const std::string& client);

}  // namespace cyborg
