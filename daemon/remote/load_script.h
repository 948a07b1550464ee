// SPDX-License-Identifier: GPL-3.0-or-later
// A dump of an archive goes back into a server on the client: borg's output is what the server's tool reads.
// The tool never sees the end of a dump that borg did not read to its end.
//
// Besides the words of job_script.h, the script says "dump-said TEXT" for a line that a tool printed on
// standard error, and the failures database-exists and load-failed. What it made is taken back when it fails,
// and what it was to replace is there again.
#pragma once

#include <string>

#include "core/job_spec.h"

namespace cyborg {

struct Load {
  std::string name;    // in the archive; empty: roles or grants
  std::string target;  // on the server
  int number = 0;      // among the loads of the job
  // For a file that is a database, for chmod and chown; empty: those of the existing file.
  std::string mode = {}, owner = {};
};

// Like restore_script(), with dump_secret() as the second line of standard input.
std::string load_script(const JobSpec& spec, const std::string& relay, const Load& load);

// Prints "missing", "empty" or "full" for the database of that name; takes the same input.
std::string database_look_script(const JobSpec& spec, const Load& load);

// Reads a dump of the type and reports what is wrong with it, without a job and a client: called with
// "verify" and the file, it prints "TABLES ROWS".
std::string verify_script(PolicyType type);

// For people: what is loaded.
std::string load_name(const JobSpec& spec, const Load& load);

// The message for a script that failed with one of the codes above; `said` is the tool's output.
std::string load_failure(const JobSpec& spec, const Load& load, const AnyCode& code, const std::string& said);

}  // namespace cyborg
