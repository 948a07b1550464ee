// SPDX-License-Identifier: GPL-3.0-or-later
// Policies that back up what a program prints: databases and the output of a command. borg reads FIFOs, one
// for each file of the archive, so that nothing is written to the client's disk.
//
// Layout of an archive: postgresql/NAME.dump (custom format) and postgresql/globals.sql; mysql/NAME.sql and
// mysql/grants.sql; of a command, one file; vm/NAME/domain.xml and vm/NAME/DISK.img (raw);
// proxmox/vzdump-qemu-ID.vma and proxmox/vzdump-lxc-ID.tar. NAME is percent-encoded: see tool.sh.
//
// Besides the words of job_script.h, the script says "dumping NAME" (an empty NAME: roles and grants),
// "dump-said TEXT" for a line that a tool printed on standard error, "dump-warning TEXT" for one that makes a
// warning of a success, and the failures dump-failed NAME and
// dump-list-failed.
#pragma once

#include <string>
#include <string_view>

#include "core/job_spec.h"

namespace cyborg {

// Like backup_script(), with one more line on standard input after the passphrase: dump_secret(). On the
// server itself (spec.local), nothing follows these two lines, and signals end it.
std::string dump_script(const JobSpec& spec, const std::string& relay);

// The script's second input line: the password in the form of the tool's file; empty for none.
std::string dump_secret(const JobSpec& spec, const std::string& password);

// For people: the meaning of a name from "dumping".
std::string dump_name(const JobSpec& spec, std::string_view name);

// The message for a script that failed with one of the codes above; `said` is the tool's output.
std::string dump_failure(const JobSpec& spec, const AnyCode& code, const std::string& name,
                         const std::string& said);

}  // namespace cyborg
