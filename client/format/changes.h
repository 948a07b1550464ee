// SPDX-License-Identifier: GPL-3.0-or-later
// The changes since the last report. Pure.
#pragma once

#include "client/format/problem.h"

namespace cyborg::client {

struct Changes {
  std::vector<std::string> lines;  // "new: …", "day 3: …", "over: …"; empty: nothing to report
  Json::Value told;                // to be remembered once the lines have been said
};

// `told`: the record of the last report, null at first. A problem that is not in `problems` is over only if
// everything is known.
Changes changes_since(const Json::Value& told, const std::vector<Problem>& problems, bool complete,
                      std::uint64_t now);

}  // namespace cyborg::client
