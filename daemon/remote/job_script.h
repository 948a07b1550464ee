// SPDX-License-Identifier: GPL-3.0-or-later
// The shell scripts that cyborg-job runs on other machines: POSIX sh, as dash and busybox understand it. They
// report what borg cannot by the words in words.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/job_spec.h"
#include "remote/words.h"

namespace cyborg {

// Where borg keeps its caches on a client, unless CYBORG_CLIENT_DIR in its environment overrides it.
inline constexpr const char* kClientDirectory = "/var/lib/cyborg-client";

// Runs borg on the client. Its standard input is the passphrase and a line break, then keep-alive lines
// until it is closed. End of file, or silence for kSilence seconds, ends borg: a cancel, a lost
// connection and a cut cable arrive in this way. `relay` is an unguessable word: it names the private
// directory with the relay's FIFOs, which the script creates and always removes. It is empty if the
// repository is a path.
inline constexpr int kSilence = 90;
std::string backup_script(const JobSpec& spec, const std::string& relay);

// A root that is a symbolic link is saved as a link, without its target: the warning about root number
// `root`, which points to `target`; empty if another root saves the target. The script reports "root-link
// ROOT TARGET".
std::optional<std::string> root_link_warning(const JobSpec& spec, std::size_t root, std::string_view target);
std::optional<std::string> root_link_warning(const JobSpec& spec, std::string_view told);

// The other end of the relay, for a second channel: it copies borg's data between its standard input and
// output and the FIFOs.
std::string relay_script(const std::string& relay);

// Prints a client's facts as KEY=VALUE lines. With `install`, installs borg if it is missing, and removes
// left-over snapshots; otherwise changes nothing.
std::string facts_script(bool install);

// Adds a public key to the authorized keys of the user who runs it.
std::string authorize_script(const std::string& public_key);

// For the repository host: prints borg's version, and then df's line for the path.
std::string probe_repository_script(const std::string& path);

// The command line for an exec request: runs the script as `user`, with sudo unless that is root.
std::string script_command(const std::string& script, const std::string& user);

}  // namespace cyborg
