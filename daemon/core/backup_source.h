// SPDX-License-Identifier: GPL-3.0-or-later
// The source that a policy reads on a client: its variables, checked against the row of its type.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

struct BackupSource {
  std::vector<std::string> roots;     // absolute; each must be in the archive
  bool any_root = false;              // of the roots, those that exist; none is a failure
  std::vector<std::string> patterns;  // "+ …" and "- …" rules, before exclude
  std::vector<std::string> exclude;
  std::vector<std::string> exclude_if_present;
  bool exclude_caches = false;
  bool one_file_system = false;
  bool snapshot = false;
  std::int64_t snapshot_size = 0;  // percent of a volume
  DumpSpec dump;                   // instead of roots
};

std::vector<std::string> policy_type_names();

// The table for people and programs: name, description and variables, each with name, type, required and
// description.
std::vector<Json::Value> policy_type_records();

// Whether the type takes a password, which is a secret of the policy instead of a variable.
bool takes_password(std::string_view type);

// Checks type and variables; an error names the variable, its value and what would be valid.
Expected<void> check_policy_variables(const Policy& policy);

// The source that a checked policy reads on a client, including the policy's excludes.
BackupSource backup_source(const Policy& policy, const std::string& client);

}  // namespace cyborg
