// SPDX-License-Identifier: GPL-3.0-or-later
// A restore as requested by a caller, stored in the job's details.
#pragma once

#include <string>

#include "core/error.h"
#include "core/model.h"
#include "core/restore_spec.h"

namespace cyborg {

struct RestoreRequest : RestoreSpec {
  std::string archive;     // its name in the borg repository
  std::string repository;  // of the archive
  std::string borg_url;
  std::string policy;  // of the archive
  std::string client;  // the destination; for output, the archive's client
};

// Refuses contradictory options, and databases or a guest that an archive of this policy type cannot have
// (empty: the policy was removed).
Expected<void> check_restore(const RestoreRequest& request);
Expected<void> check_databases(const RestoreRequest& request, const std::string& type);
Expected<void> check_guest(const RestoreRequest& request, const std::string& type);

Json::Value restore_details(const RestoreRequest& request);
RestoreRequest restore_request(const Job& job);

}  // namespace cyborg
