// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/quote.h"

#include <stdexcept>

namespace cyborg {

std::string quote(std::string_view word) {
  if (word.find('\0') != std::string_view::npos) {
    throw std::invalid_argument("a NUL byte cannot be passed to a command");
  }
  // Between single quotes, only the single quote itself is special.
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

std::string quote_where_needed(std::span<const std::string> words) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./=:@%+,";
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    const bool plain = !word.empty() && word.find_first_not_of(kPlain) == std::string::npos;
    line += plain ? word : quote(word);
  }
  return line;
}

}  // namespace cyborg
