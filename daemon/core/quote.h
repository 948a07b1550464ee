// The one quoting function for words that reach a shell, ours or a remote one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cyborg {

// One word for a POSIX shell: any bytes survive except NUL, which no argument can hold and which throws
// std::invalid_argument (it would silently cut the word short).
std::string quote(std::string_view word);

// Words joined by spaces: a command line.
std::string quote(std::span<const std::string> words);

// The same for a line that people read, too: words with nothing special in them stay as they are.
std::string quote_where_needed(std::span<const std::string> words);

}  // namespace cyborg
