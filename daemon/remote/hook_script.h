// SPDX-License-Identifier: GPL-3.0-or-later
// Hooks: the script that runs one, on a client or on the server.
#pragma once

#include <string>

#include "core/environment.h"
#include "core/model.h"

namespace cyborg {

// The command's own shell, killed with all its children when standard input ends. Its output goes to standard
// error.
std::string hook_script(const Hook& hook, const Environment& environment);

}  // namespace cyborg
