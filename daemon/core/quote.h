// SPDX-License-Identifier: GPL-3.0-or-later
// The only quoting function for words that reach a shell, local or remote.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cyborg {

// Quotes one word for a POSIX shell: all bytes are preserved except NUL, which no argument can contain and
// which throws std::invalid_argument (it would silently truncate the word).
std::string quote(std::string_view word);

// Quotes words and joins them by spaces to a command line.
std::string quote(std::span<const std::string> words);

// The same for a line that people read, too: words without special characters stay as they are.
std::string quote_where_needed(std::span<const std::string> words);

}  // namespace cyborg
