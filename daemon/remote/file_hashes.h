// SPDX-License-Identifier: GPL-3.0-or-later
// Scripts that read the files of a verification on a client, and the parser of their output.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "borg/verification.h"

namespace cyborg {

// Scripts that print, for each file, its number, its status and the hash of its content. None is longer than
// `limit`. The end of their standard input ends them, except on the server itself.
std::vector<std::string> hash_scripts(const std::vector<SampledFile>& files, std::size_t limit, bool local);

// Parses the output of a hash script into `files`, by number. False if it is malformed.
bool parse_hashes(std::string_view text, std::vector<std::optional<ClientFile>>& files);

}  // namespace cyborg
