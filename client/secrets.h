// Secrets on their way to the daemon: never an argument, never on the bus itself, only in a descriptor.
#pragma once

#include <string>

#include "dbus/compat.h"

namespace cyborg::client {

// The first line of a file, or of standard input for "-".
sdbus::UnixFd secret_from_file(const std::string& path);

// Takes a text over and wipes it.
sdbus::UnixFd secret_from_text(std::string text);

// Asks on the terminal, without an echo.
sdbus::UnixFd secret_from_terminal(const std::string& prompt);

// Everything that a descriptor holds.
std::string read_all(int descriptor);

}  // namespace cyborg::client
