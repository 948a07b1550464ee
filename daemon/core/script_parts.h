// What the scripts of job_script.h and dump_script.h have in common.
#pragma once

#include <string>

#include "core/job_spec.h"

namespace cyborg {

// Functions for all scripts.
extern const char* const kPrelude;
// Runs the words in "$@", a borg, to its end.
extern const char* const kRunBorg;

// Functions, the private directory $D with the relay's FIFOs, and borg's environment. The last part of borg's
// directory is `sub_directory`.
std::string script_start(const JobSpec& spec, const std::string& relay, const std::string& sub_directory);

// The repository as a borg on the client has to name it.
std::string script_repository(const JobSpec& spec, const std::string& relay);

}  // namespace cyborg
