// SPDX-License-Identifier: GPL-3.0-or-later
// Limits on what callers can make the daemon store, so that no caller can make it grow without bound: far
// beyond the needs of any fleet.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/error.h"

namespace cyborg {

enum class Quota { objects, unfinished_jobs, followers, followed_jobs, hooks, variables, text, list };

// Fails with limits_exceeded if the amount exceeds the quota. field: the field with that value, if any.
Expected<void> check_quota(Quota quota, std::size_t wanted, std::string_view field = {});

std::size_t quota_of(Quota quota);

}  // namespace cyborg
