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

// As backup_script(), and with one line more on standard input, behind the passphrase: dump_secret(). On the
// server itself (spec.local) nothing follows these two lines, and signals end it.
std::string dump_script(const JobSpec& spec, const std::string& relay);

// What the script's second line has to be: the password as the tool's file wants it; empty for none.
std::string dump_secret(const JobSpec& spec, const std::string& password);

// For people: what is behind one of the names of "dumping".
std::string dump_name(const JobSpec& spec, std::string_view name);

// The sentence for a script that failed with one of the codes above; `said` is what the tool said.
std::string dump_failure(const JobSpec& spec, const AnyCode& code, const std::string& name,
                         const std::string& said);

}  // namespace cyborg
