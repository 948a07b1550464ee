// cyborg-job --print-script FILE: what a job with this specification would run on other machines.
#pragma once

namespace cyborg {

// The exit status. Needs nothing of what a job has: no secret, no state directory, no connection.
int print_script(const char* path);

}  // namespace cyborg
