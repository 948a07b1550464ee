// SPDX-License-Identifier: GPL-3.0-or-later
// Secrets cross the bus inside file descriptors, so that no message ever holds one.
#pragma once

#include <optional>
#include <string>

#include "core/error.h"
#include "core/units.h"
#include "dbus/variant_json.h"

namespace cyborg::bus {

// Returns the secret from the descriptor of that key, without its last newline; nullopt if there is none, an
// error for any other descriptor. The caller must have written the secret and closed its end before: nothing
// here waits.
Expected<std::optional<std::string>> take_secret(DescriptorMap& descriptors, const std::string& key);

// Returns the descriptor of that key, for writing; unset if there is none, an error for any other descriptor
// or one that is unsuitable for writing.
Expected<Descriptor> take_output(DescriptorMap& descriptors, const std::string& key);

// A descriptor from which the text can be read once.
sdbus::UnixFd readable_text(const std::string& text);

}  // namespace cyborg::bus
