// What borg's end means: its exit status and its last words as the state, code and message of a job.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "borg/log.h"
#include "core/job_spec.h"

namespace cyborg {

enum class BorgVerb { create, extract, init, info, list, remove, compact, check };

// The result of a borg that ended by itself with `status` (128 + n for a signal n).
JobResult judge_borg(BorgVerb verb, int status, const BorgLog& log, const JobSpec& spec);

// Is every source root in the archive? borg only warns of one that is not. nullptr: yes.
const std::string* lost_root(const BorgLog& log, const JobSpec& spec);

// The archive facts of `borg create --json`; nothing when it is not what borg prints.
struct CreateReport {
  std::string repository_id;
  Json::Value archive{Json::objectValue};
  std::int64_t repository_size = 0;  // of all its archives together, as stored; 0: not known
};
std::optional<CreateReport> parse_create_report(std::string_view json);

// The id and encryption of `borg info --json REPOSITORY`.
struct InfoReport {
  std::string repository_id;
  std::string encryption;
};
std::optional<InfoReport> parse_info_report(std::string_view json);

// The archives of `borg list --json REPOSITORY`: name → id.
std::optional<std::map<std::string, std::string>> parse_archive_list(std::string_view json);

// The same with their times, the oldest first; what is not to be named in a command is left out.
struct ListedArchive {
  std::string name;
  std::string id;
  Microseconds created = 0;
};
std::optional<std::vector<ListedArchive>> parse_archives(std::string_view json);

// The archive of `borg info --json REPOSITORY::ARCHIVE`, as facts: name, id, created, sizes, files, duration.
std::optional<Json::Value> parse_archive_info(std::string_view json);

// What of spec.remove the repository still holds. Fails when the listing is not to be believed: an archive
// that must be there is not, or has another id.
Expected<std::vector<std::string>> archives_to_remove(const std::map<std::string, std::string>& listing,
                                                      const JobSpec& spec);

// The failure that a repository with another id is.
JobResult repository_swapped(const JobSpec& spec, std::string_view found);

// Where the repository is, for people.
std::string repository_name(const JobSpec& spec);

}  // namespace cyborg
