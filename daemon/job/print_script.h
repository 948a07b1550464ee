// SPDX-License-Identifier: GPL-3.0-or-later
// cyborg-job --print-script FILE: prints what a job with this specification would run on other machines.
#pragma once

namespace cyborg {

// Returns the exit status. Needs none of a job's resources: no secret, no state directory, no connection.
int print_script(const char* path);

}  // namespace cyborg
