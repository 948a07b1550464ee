// SPDX-License-Identifier: GPL-3.0-or-later
// The common part of the tools of dump_script.h, load_script.h and guest_script.h, which consist of the
// scripts that the row of a policy type names.
//
// A dump tool is a separate script, which runs in a session of its own, so that all of it can be ended.
// Called with "list", it prints a line for each file of the archive: its path, a space, and the name for a
// call with "dump". On standard error it prints messages for people; a line that begins with "@warning "
// makes an otherwise successful backup end with a warning.
//
// A tool that must hold its source while it is read (a guest's disks as they are at one moment) is also
// called with "hold": see dump_hold.sh.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

// Assigns the type's variables for its scripts.
std::string script_values(const DumpSpec& dump);

// The scripts of these names, one after the other.
std::string script_parts(std::span<const char* const> names);

}  // namespace cyborg
