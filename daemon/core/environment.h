// Environment variables of a program that is to be started: name and value, in the order in which they are
// set.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cyborg {

using Environment = std::vector<std::pair<std::string, std::string>>;

}  // namespace cyborg
