// SPDX-License-Identifier: GPL-3.0-or-later
// An inner sandbox, for programs that execute a client's data: a dump is a program in SQL. They run as the
// job's user, who may read other clients' repositories and the job's credentials; in the sandbox, they see
// only the system's programs and one directory, and can create only local sockets. It is implemented by the
// kernel's Landlock and a system call filter, and cannot be undone.
#pragma once

#include <string>
#include <vector>

namespace cyborg {

// Whether this kernel supports it.
bool can_enclose();

// The command line that runs a command in the sandbox, with `directory` to write to.
std::vector<std::string> enclosed(const std::string& directory, const std::vector<std::string>& command);

// The work of that command line in the new process: cyborg-job --enclose DIRECTORY COMMAND…
int enclose(char** arguments);

}  // namespace cyborg
