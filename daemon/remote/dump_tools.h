// The tools of dump_script.h that are long enough for a file of their own, and what they share.
//
// A dump tool is a script of its own, which runs in a session of its own, so that all of it can be ended.
// Called with "list" it prints a line for each file of the archive: its path, a space, and the name that
// "dump" is to be called with. On standard error it says what people should know; a line that begins with
// "@warning " makes a warning of a backup that is successful otherwise.
//
// A tool that holds something while it is read (a guest's disks as they are at one moment) is called with
// "hold" besides: see dump_hold.sh.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"

namespace cyborg {

std::string vm_tool(const DumpSpec& dump);
std::string proxmox_tool(const DumpSpec& dump);

}  // namespace cyborg
