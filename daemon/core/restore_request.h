// What a caller may ask of a restore, as it is kept in the job's details.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

struct RestoreRequest {
  std::string archive;     // its name in the borg repository
  std::string repository;  // of the archive
  std::string borg_url;
  std::string policy;              // of the archive
  std::string client;              // whither; for output, whose archive it is
  std::vector<std::string> paths;  // inside the archive; empty: all
  // One of: a guest, a directory (absolute; "/" for in place), output, and databases in any form.
  std::string directory;
  bool output = false;  // to a descriptor of the caller's
  bool tar = false;
  std::map<std::string, std::string> databases;  // name in the archive → name on the server; empty: the same
  bool all_databases = false;
  bool globals = false;
  std::string guest;  // into the hypervisor; directory is where its disks go then, empty for where they were
  std::string guest_name;  // empty: the same
  bool start = false;
  std::string conflict;  // empty: overwrite for files, fail for databases and guests
  bool dry_run = false;

  bool of_guest() const { return !guest.empty(); }
  bool of_databases() const { return all_databases || globals || !databases.empty(); }
};

// What contradicts itself; and databases or a guest that an archive cannot have, whose policy's type that is
// (empty: it is gone).
Expected<void> check_restore(const RestoreRequest& request);
Expected<void> check_databases(const RestoreRequest& request, const std::string& type);
Expected<void> check_guest(const RestoreRequest& request, const std::string& type);

Json::Value restore_details(const RestoreRequest& request);
RestoreRequest restore_request(const Job& job);

}  // namespace cyborg
