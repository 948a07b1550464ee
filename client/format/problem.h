// SPDX-License-Identifier: GPL-3.0-or-later
// The problems of the fleet: one judgement for status, report, alerts and metrics. Pure.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/format/table.h"

namespace cyborg::client {

// The most severe first.
enum class ProblemKind {
  unreachable,  // cyborgd does not answer
  database,     // cyborgd has no database, so nobody knows more
  damaged,      // a check found a borg repository to be so
  missing,      // archives that a repository should have
  failed,       // the last backup
  unprotected,  // no backup has ever succeeded
  unproven,     // the last verification failed
  maintenance,  // the latest check, prune or compaction failed
  late,         // a backup
  overdue,      // maintenance
};
std::string_view to_string(ProblemKind kind);
std::vector<ProblemKind> all_problem_kinds();

struct Problem {
  ProblemKind kind = ProblemKind::failed;
  std::string policy, client, repository;
  std::string what;       // which maintenance, where there are several
  std::string note;       // in a table, beside whom it is about
  std::string text;       // one line for people, with whom it is about
  std::uint64_t job = 0;  // the job whose output explains the problem
  bool fresh = false;     // nothing was tried yet, so there is no hurry to say it

  Style style() const { return kind >= ProblemKind::late ? Style::attention : Style::bad; }
  std::string key() const;  // identifies a problem, whatever its text says
  Json::Value to_json() const;
};

// For a row of GetFleetStatus, and a row of GetRepositoryStatus.
std::vector<Problem> backup_problems(const Json::Value& row);
std::vector<Problem> repository_problems(const Json::Value& row);

// For the whole state: the Manager's properties, "fleet" and "repositories"; without these two, or with
// "unreachable", the other problems are not known. The most severe first.
std::vector<Problem> problems_of(const Json::Value& status);
bool is_complete(const Json::Value& status);

std::map<ProblemKind, std::size_t> count_problems(const std::vector<Problem>& problems);

}  // namespace cyborg::client
