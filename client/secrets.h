// SPDX-License-Identifier: GPL-3.0-or-later
// Passes secrets to the daemon: never in an argument or a bus message, only in a descriptor.
#pragma once

#include <string>

#include "dbus/compat.h"

namespace cyborg::client {

// The first line of a file, or of standard input for "-".
sdbus::UnixFd secret_from_file(const std::string& path);

// Takes a text and wipes it.
sdbus::UnixFd secret_from_text(std::string text);

// Asks on the terminal, without echo.
sdbus::UnixFd secret_from_terminal(const std::string& prompt);

// Reads the whole content of a descriptor.
std::string read_all(int descriptor);

}  // namespace cyborg::client
