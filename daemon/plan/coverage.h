// What was found on a client that could be backed up, and what of it no policy covers. Pure.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace cyborg {

// A row for each: kind, name, size, protected (yes, partly or no), policies, and for what is not protected a
// command that would do it. `facts` are those of the client's preparation.
std::vector<Json::Value> discover_rows(const Fleet& fleet, const std::string& client,
                                       const Json::Value& facts);

}  // namespace cyborg
