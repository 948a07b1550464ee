// What a caller may ask of a restore, as it is kept in the job's details.
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
  std::string client;  // whither; for output, whose archive it is
};

// What contradicts itself; and databases or a guest that an archive cannot have, whose policy's type that is
// (empty: it is gone).
Expected<void> check_restore(const RestoreRequest& request);
Expected<void> check_databases(const RestoreRequest& request, const std::string& type);
Expected<void> check_guest(const RestoreRequest& request, const std::string& type);

Json::Value restore_details(const RestoreRequest& request);
RestoreRequest restore_request(const Job& job);

}  // namespace cyborg
