// SPDX-License-Identifier: GPL-3.0-or-later
// Support for the services of timers, which report an elapse to cyborgd.
#pragma once

#include <cstdint>
#include <string>

#include "client/context.h"
#include "client/failure.h"

namespace cyborg::client {

// When the timer that started this process elapsed. Throws a Failure of usage if it never did.
std::uint64_t elapse_time(Context& context, const std::string& timer_unit);

// A retry does not help while an object is disabled: exit status 4 prevents one by Restart=.
void settle_scheduled(Failure& failure);

}  // namespace cyborg::client
