// How much callers may make the daemon hold, so that none of them can make it grow without an end: far beyond
// what a fleet needs.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/error.h"

namespace cyborg {

enum class Quota { objects, unfinished_jobs, followers, followed_jobs, hooks, variables, text, list };

// limits_exceeded if this is more than there may be. field: whose value it is, if it is one's.
Expected<void> check_quota(Quota quota, std::size_t wanted, std::string_view field = {});

std::size_t quota_of(Quota quota);

}  // namespace cyborg
