// SPDX-License-Identifier: GPL-3.0-or-later
// Outputs of a text that report whether it was delivered.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace cyborg::client {

// Runs a command with the text as its standard input. Throws a Failure unless it exits with 0.
void hand_over(const std::vector<std::string>& command, const std::string& text);

// Writes all of it to standard output. Throws a Failure if that is not possible (a full disk, a closed pipe).
void write_out(const std::string& text);

// Atomically and durably: a reader never sees a part of it.
void replace_file(const std::string& path, const std::string& text, mode_t mode);

// Returns an empty text if there is no file.
std::string read_file_if_any(const std::string& path);

}  // namespace cyborg::client
