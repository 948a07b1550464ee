// SPDX-License-Identifier: GPL-3.0-or-later
// Before a restore: which files would be written, and which of them exist on the client.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "job/client_script.h"

namespace cyborg {

struct Survey {
  std::int64_t files = 0;  // everything except directories
  std::int64_t directories = 0;
  std::int64_t bytes = 0;
  std::int64_t existing = 0;                // in the way; directories that may stay directories are not
  std::vector<std::string> existing_names;  // the first of them
  Fd in_the_way;                            // names for rename_script()
  Fd excludes;                              // lines for upload_script(): all that is there
  Fd parents;                               // look_entry()s of ParentDirectories
  std::vector<std::string> paths;           // asked for, and not all there; empty for all, too
  bool nothing_left = false;                // all is there

  void add_facts(JobResult& result) const;
};

// Throws Failure, also if one of the paths is not in the archive.
Survey survey(JobContext& job, ClientShell& client);
// Lists only the parent directories: enough for restores that replace existing files.
Fd list_parents(JobContext& job);

}  // namespace cyborg
