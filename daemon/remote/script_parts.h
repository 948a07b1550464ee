// SPDX-License-Identifier: GPL-3.0-or-later
// The common parts of the scripts of job_script.h, dump_script.h, restore_script.h and load_script.h.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

// Shell assignments of quoted values; a list has a line for each item.
std::string assign(const char* name, const std::string& value);
std::string assign(const char* name, const std::vector<std::string>& values);

// The beginning of any script, which reports that it runs.
std::string script_prelude(const char* umask = "077", const char* locale = "C.UTF-8");

// The script's arguments are the words of a borg command line: runs it as described at backup_script(). A
// background command's input would be /dev/null unless it is redirected.
std::string script_run_borg();

// Reads the passphrase into $passphrase and, if the line behind it is not empty, makes that a file without a
// name, in memory, which is descriptor 8. What was standard input is descriptor 4.
std::string script_secret(const DumpSpec& dump);

// Ends the script (TERM) at the end of descriptor 4, or when it stays silent.
std::string script_watchers();

// The beginning of a tool, which is a script of its own and is called with a verb, $verb, and a name, $name:
// encode(), and need(), which fails when a program is missing.
std::string tool_start();

// Functions, the private directory $dir with the relay's FIFOs, and borg's environment. The last part of
// borg's directory is `sub_directory`.
std::string script_start(const JobSpec& spec, const std::string& relay, const std::string& sub_directory);

// The name of the repository for a borg on the client.
std::string script_repository(const JobSpec& spec, const std::string& relay);

}  // namespace cyborg
