// The state of the fleet, as one record.
#pragma once

#include "client/context.h"

namespace cyborg::client {

// The Manager's properties with snake_case keys, "fleet" and "repositories".
Json::Value ask_fleet(Context& context);

// For those who watch it: that it cannot be asked is an answer, too ("unreachable", or without the two). Does
// not start a cyborgd that is not running.
Json::Value watch_fleet(Context& context);

}  // namespace cyborg::client
