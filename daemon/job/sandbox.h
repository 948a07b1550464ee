// An inner sandbox, for programs that do what a client's data says: a dump is a program in SQL. They run as
// the job's user, which may read other clients' repositories and the job's credentials, so they are shut in:
// of the file system they see the system's programs and one directory, and the only sockets they can make are
// of this machine. The kernel's Landlock and a system call filter do it, and nothing takes it off again.
#pragma once

#include <string>
#include <vector>

namespace cyborg {

// Whether this kernel can.
bool can_enclose();

// The command line that runs a command so, with `directory` to write in.
std::vector<std::string> enclosed(const std::string& directory, const std::vector<std::string>& command);

// What that command line does in the new process: cyborg-job --enclose DIRECTORY COMMAND…
int enclose(char** arguments);

}  // namespace cyborg
