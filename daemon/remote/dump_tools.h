// What the tools of dump_script.h, load_script.h and guest_script.h share, which are made of the scripts that
// the row of a policy type names.
//
// A dump tool is a script of its own, which runs in a session of its own, so that all of it can be ended.
// Called with "list" it prints a line for each file of the archive: its path, a space, and the name that
// "dump" is to be called with. On standard error it says what people should know; a line that begins with
// "@warning " makes a warning of a backup that is successful otherwise.
//
// A tool that holds something while it is read (a guest's disks as they are at one moment) is called with
// "hold" besides: see dump_hold.sh.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

// The variables of the type that its scripts know, assigned.
std::string script_values(const DumpSpec& dump);

// The scripts of these names, one behind the other.
std::string script_parts(std::span<const char* const> names);

}  // namespace cyborg
