// Hooks: the script that runs one, on a client or on the server.
#pragma once

#include <string>

#include "core/environment.h"
#include "core/model.h"

namespace cyborg {

// The command's own shell, ended with all that it started when its standard input ends. What it prints comes
// on standard error.
std::string hook_script(const Hook& hook, const Environment& environment);

}  // namespace cyborg
