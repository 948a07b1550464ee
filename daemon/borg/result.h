// SPDX-License-Identifier: GPL-3.0-or-later
// Converts borg's exit status and last messages to the state, code and message of a job.
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

// A source root that is missing from the archive, of which borg only warns; nullptr if there is none.
const std::string* lost_root(const BorgLog& log, const JobSpec& spec);

// The archive facts from `borg create --json`; nullopt if it is not borg's format.
struct CreateReport {
  std::string repository_id;
  Json::Value archive{Json::objectValue};
  std::int64_t repository_size = 0;  // of all archives together, as stored; 0: unknown
};
std::optional<CreateReport> parse_create_report(std::string_view json);

// The id and encryption from `borg info --json REPOSITORY`.
struct InfoReport {
  std::string repository_id;
  std::string encryption;
};
std::optional<InfoReport> parse_info_report(std::string_view json);

// The archives from `borg list --json REPOSITORY`: name → id.
std::optional<std::map<std::string, std::string>> parse_archive_list(std::string_view json);

// The same with times, oldest first; names that must not appear in a command are left out.
struct ListedArchive {
  std::string name;
  std::string id;
  Microseconds created = 0;
};
std::optional<std::vector<ListedArchive>> parse_archives(std::string_view json);

// The archive from `borg info --json REPOSITORY::ARCHIVE`: name, id, created, sizes, files, duration.
std::optional<Json::Value> parse_archive_info(std::string_view json);

// Those archives of spec.remove that the repository still has. Fails if the listing cannot be trusted: a
// required archive is missing, or has another id.
Expected<std::vector<std::string>> archives_to_remove(const std::map<std::string, std::string>& listing,
                                                      const JobSpec& spec);

// The failure if the repository has another id.
JobResult repository_swapped(const JobSpec& spec, std::string_view found);

// The repository's location, for people.
std::string repository_name(const JobSpec& spec);

}  // namespace cyborg
