// SPDX-License-Identifier: GPL-3.0-or-later
// Transport direct, the remote part: scripts that make a client's key, authorise it on the repository host
// and try it, and the meaning of failures of the client's ssh.
#pragma once

#include <string>
#include <vector>

#include "borg/direct_access.h"
#include "core/job_spec.h"

namespace cyborg {

// Makes the client's key, if there is none, and prints its public key.
std::string client_key_script(const JobSpec& spec);

// Adds the line to the authorized keys of the user who runs it, replacing the line that this client had for
// this repository before (and that of `old`). The rest of the file stays unchanged. Fails with key-taken if
// the key is there for another purpose: the first line with a key counts, so a client could take over
// another's key by presenting it as its own.
std::string authorize_line_script(const KeyGrant& grant, const std::string& line, const std::string& old);
// Removes a line, also if it was written differently, as long as it is this client's line with this key.
std::string withdraw_line_script(const KeyGrant& grant, const std::string& line);

// Lists the repository with the client's own key, which proves that the direct access works.
std::string direct_check_script(const JobSpec& spec);

// For script_start: variables, and the file that BORG_RSH reads, in $dir. Messages of ssh itself are in
// $dir/ssh, and reported as "ssh-said" at the end.
std::string direct_parts(const JobSpec& spec);
extern const char* const kDirectRsh;

// The result if the client's ssh printed this, and borg had no connection.
JobResult direct_failure(const JobSpec& spec, const std::vector<std::string>& said, JobResult result);

}  // namespace cyborg
