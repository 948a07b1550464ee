#include "core/quote.h"

#include <stdexcept>

namespace cyborg {

std::string quote(std::string_view word) {
  if (word.find('\0') != std::string_view::npos) {
    throw std::invalid_argument("a NUL byte cannot be passed to a command");
  }
  // Nothing is special between single quotes but the single quote itself.
  std::string quoted = "'";
  for (char c : word) {
    if (c == '\'') {
      quoted += R"('\'')";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string quote(std::span<const std::string> words) {
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    line += quote(word);
  }
  return line;
}

}  // namespace cyborg
