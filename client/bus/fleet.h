// SPDX-License-Identifier: GPL-3.0-or-later
// The state of the fleet, as one record.
#pragma once

#include "client/context.h"

namespace cyborg::client {

// The Manager's properties with snake_case keys, "fleet" and "repositories".
Json::Value ask_fleet(Context& context);

// For monitoring: if cyborgd cannot be asked, the record says so ("unreachable", or without the two lists).
// Does not start cyborgd.
Json::Value watch_fleet(Context& context);

}  // namespace cyborg::client
