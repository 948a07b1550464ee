// What the services of timers do: hand an elapse over to cyborgd.
#pragma once

#include <cstdint>
#include <string>

#include "client/context.h"
#include "client/failure.h"

namespace cyborg::client {

// When the timer that started this elapsed. A Failure of usage if it never did.
std::uint64_t elapse_time(Context& context, const std::string& timer_unit);

// Trying again until somebody enables it is not what a disabled object is for: 4 keeps Restart= from it.
void settle_scheduled(Failure& failure);

}  // namespace cyborg::client
