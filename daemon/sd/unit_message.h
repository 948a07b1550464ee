// SPDX-License-Identifier: GPL-3.0-or-later
// The arguments of StartTransientUnit.
#pragma once

#include <systemd/sd-bus.h>

#include "core/units.h"

namespace cyborg::sd {

// Appends name, mode, properties and no auxiliary units; throws std::system_error.
void append_transient_unit(sd_bus_message* message, const UnitSpec& unit);

}  // namespace cyborg::sd
