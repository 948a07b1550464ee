// What has changed since the last time that somebody was told. Pure.
#pragma once

#include "client/format/problem.h"

namespace cyborg::client {

struct Changes {
  std::vector<std::string> lines;  // "new: …", "day 3: …", "over: …"; empty: nothing is to be said
  Json::Value told;                // to be remembered once the lines have been said
};

// told: what was remembered the last time, null at first. What is not in `problems` is over only if all is
// known.
Changes changes_since(const Json::Value& told, const std::vector<Problem>& problems, bool complete,
                      std::uint64_t now);

}  // namespace cyborg::client
