// SPDX-License-Identifier: GPL-3.0-or-later
// Which of the things found on a client no policy backs up. Pure.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace cyborg {

// Returns a row for each: kind, name, size, protected (yes, partly or no), policies and, for unprotected
// ones, a command that would protect it. `facts` are those of the client's preparation.
std::vector<Json::Value> discover_rows(const Fleet& fleet, const std::string& client,
                                       const Json::Value& facts);

}  // namespace cyborg
