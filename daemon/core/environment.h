// SPDX-License-Identifier: GPL-3.0-or-later
// Environment variables for a program to start: names and values, in the order in which they are
// set.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cyborg {

using Environment = std::vector<std::pair<std::string, std::string>>;

}  // namespace cyborg
