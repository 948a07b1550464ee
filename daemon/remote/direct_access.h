// Transport direct, the part that runs elsewhere: scripts that make a client's key, authorise it on the
// repository host and try it, and what it means when the client's ssh fails.
#pragma once

#include <string>
#include <vector>

#include "borg/direct_access.h"
#include "core/job_spec.h"

namespace cyborg {

// Makes the client's key, if there is none, and prints its public half.
std::string client_key_script(const JobSpec& spec);

// Puts the line into the authorized keys of the user who runs it, in the place of the one that this client
// had for this repository before (and of `old`). Everything else in the file stays as it is. Gives up with
// key-taken if the key is there for something else: the first line with a key counts, so a client could take
// another's away by showing it as its own.
std::string authorize_line_script(const KeyGrant& grant, const std::string& line, const std::string& old);
// Takes a line away; also one that was written differently, if it is this client's with this key.
std::string withdraw_line_script(const KeyGrant& grant, const std::string& line);

// Lists the repository with the client's own key: proves that the whole way works.
std::string direct_check_script(const JobSpec& spec);

// For script_start: variables and the file that BORG_RSH reads, in $D. What ssh itself has to say is in
// $D/ssh, and told as "ssh-said" at the end.
std::string direct_parts(const JobSpec& spec);
extern const char* const kDirectRsh;

// What it means that the client's ssh said this, and borg had no connection.
JobResult direct_failure(const JobSpec& spec, const std::vector<std::string>& said, JobResult result);

}  // namespace cyborg
