// Where a text goes besides standard output, in a way that tells whether it got there.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace cyborg::client {

// Runs a command with the text as its standard input. A Failure if it does not end with 0.
void hand_over(const std::vector<std::string>& command, const std::string& text);

// Writes all of it to standard output. A Failure if that is not possible (a full disk, a closed pipe).
void write_out(const std::string& text);

// As a whole or not at all, and durably: a reader never sees a part of it.
void replace_file(const std::string& path, const std::string& text, mode_t mode);

// Empty if there is none.
std::string read_file_if_any(const std::string& path);

}  // namespace cyborg::client
