// Scripts that read the files of a verification on a client, and the lines that they print.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "borg/verification.h"

namespace cyborg {

// Scripts that print, for each file, its number, what stat says of it and the hash of its content. None is
// longer than `limit`. The end of their standard input ends them, unless they run here.
std::vector<std::string> hash_scripts(const std::vector<SampledFile>& files, std::size_t limit, bool local);

// Takes what a hash script printed into `files`, by number. False if it is not that.
bool parse_hashes(std::string_view text, std::vector<std::optional<ClientFile>>& files);

}  // namespace cyborg
