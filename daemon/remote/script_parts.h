// What the scripts of job_script.h, dump_script.h, restore_script.h and load_script.h have in common.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

// Shell assignments of quoted values; of a list, a line each.
std::string assign(const char* name, const std::string& value);
std::string assign(const char* name, const std::vector<std::string>& values);

// The beginning of any script, which tells that it runs.
std::string script_prelude(const char* umask = "077", const char* locale = "C.UTF-8");

// The words of a borg command line are the script's arguments: runs it as backup_script() tells. A background
// command's input would be /dev/null if it was not taken from elsewhere.
std::string script_run_borg();

// Reads the passphrase into $P and, if the line behind it is not empty, makes that a file without a name, in
// memory, which is descriptor 8. What was standard input is descriptor 4.
std::string script_secret(const DumpSpec& dump);

// Ends the script (TERM) at the end of descriptor 4, or after its silence.
std::string script_watchers();

// The beginning of a tool, which is a script of its own and is called with a verb, $v, and a name, $n:
// encode(), and need(), which fails when a program is missing.
std::string tool_start();

// Functions, the private directory $D with the relay's FIFOs, and borg's environment. The last part of borg's
// directory is `sub_directory`.
std::string script_start(const JobSpec& spec, const std::string& relay, const std::string& sub_directory);

// The repository as a borg on the client has to name it.
std::string script_repository(const JobSpec& spec, const std::string& relay);

}  // namespace cyborg
