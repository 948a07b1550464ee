// The shell scripts that cyborg-job runs on other machines: POSIX sh, as dash and busybox understand it.
// What borg cannot say they tell cyborg-job by words.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/job_spec.h"
#include "remote/words.h"

namespace cyborg {

// Where borg keeps its caches on a client, unless CYBORG_CLIENT_DIR in its environment names another place.
inline constexpr const char* kClientDirectory = "/var/lib/cyborg-client";

// What runs borg on the client. Its standard input is the passphrase and a line break, then a line now and
// then as a sign of life, until it is closed. Its end, or silence for kSilence seconds, ends borg: that is
// how a cancel, a lost connection and a cut cable arrive. `relay` is a word that nobody can guess: it names
// the private directory with the relay's FIFOs, which the script makes and removes at any end. Empty if the
// repository is a path.
inline constexpr int kSilence = 90;
std::string backup_script(const JobSpec& spec, const std::string& relay);

// A root that is a symbolic link is saved as one, and nothing behind it: what to say of root number `root`,
// which leads to `target`; nothing if that is saved by another root. The script tells by "root-link ROOT
// TARGET".
std::optional<std::string> root_link_warning(const JobSpec& spec, std::size_t root, std::string_view target);
std::optional<std::string> root_link_warning(const JobSpec& spec, std::string_view told);

// The other end of the relay, for a second channel: it carries borg's bytes between its standard input and
// output and the FIFOs.
std::string relay_script(const std::string& relay);

// Prints a client's facts as KEY=VALUE lines. With `install`, borg is installed if it is missing, and
// snapshots that were left are removed; otherwise nothing is changed.
std::string facts_script(bool install);

// Adds a public key to the authorized keys of the user who runs it.
std::string authorize_script(const std::string& public_key);

// On the repository host: prints borg's version, and then what df says of the path.
std::string probe_repository_script(const std::string& path);

// The command line for an exec request: the script as `user`, by way of sudo if that is not root.
std::string script_command(const std::string& script, const std::string& user);

}  // namespace cyborg
