// SPDX-License-Identifier: GPL-3.0-or-later
// A guest of an archive goes back into the hypervisor of the client: borg's tar
// stream of its files is what the tools there read. A guest of libvirt is
// defined, and its disks take the place of what is there, when all of it has
// been read; one of Proxmox is what its own tools make of it.
//
// Besides the words of job_script.h, the script says "dump-said TEXT" for a
// line that a tool printed on standard error, and the failures guest-exists and
// guest-failed with a reason.
#pragma once

#include <string>

#include "core/job_spec.h"

namespace cyborg {

// Like restore_script(), with an empty second line of standard input. A dry run reads only the
// definition.
std::string guest_script(const JobSpec& spec, const std::string& relay);

// For people: what is restored.
std::string guest_name(const JobSpec& spec);

// The message for a script that failed with one of the codes above.
std::string guest_failure(const JobSpec& spec, const AnyCode& code, const std::string& reason);

}  // namespace cyborg
