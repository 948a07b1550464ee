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
  // Of a file that is a database, as chmod and chown take them; empty: those of what is there.
  std::string mode = {}, owner = {};
};

// As restore_script(), with dump_secret() as a second line of standard input.
std::string load_script(const JobSpec& spec, const std::string& relay, const Load& load);

// Prints "missing", "empty" or "full", for the database that there is of the name; the same input.
std::string database_look_script(const JobSpec& spec, const Load& load);

// What reads a dump of the type and says what is wrong with it, without a job and a client: called with
// "verify" and the file, it prints "TABLES ROWS".
std::string verify_script(PolicyType type);

// For people: what is loaded.
std::string load_name(const JobSpec& spec, const Load& load);

// The sentence for a script that failed with one of the codes above; `said` is what the tool said.
std::string load_failure(const JobSpec& spec, const Load& load, const AnyCode& code, const std::string& said);

}  // namespace cyborg
