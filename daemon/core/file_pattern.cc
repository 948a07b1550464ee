// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file_pattern.h"

#include <algorithm>

namespace cyborg {
namespace {

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?") != std::string_view::npos;
}

std::string as_like(std::string_view text) {
  std::string like;
  for (const char c : text) {
    if (c == '*') {
      like += '%';
    } else if (c == '?') {
      like += '_';
    } else {
      if (c == '%' || c == '_' || c == '\\') like += '\\';
      like += c;
    }
  }
  return like;
}

// Trigrams consist of word characters: letters, digits and non-ASCII characters.
bool has_trigram(std::string_view text) {
  std::size_t run = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool word =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 0x80;
    run = word ? run + 1 : 0;
    if (run == 3) return true;
  }
  return false;
}

}  // namespace

Expected<FilePattern> parse_file_pattern(std::string_view text, bool ignore_case) {
  const auto given = text;
  const bool from_top = text.starts_with('/');
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  if (text.empty()) {
    return fail(ErrorCode::invalid_argument, "pattern \"" + std::string{given} +
                                                 "\": expected a name or a part of a path, * and ? allowed");
  }
  FilePattern pattern;
  pattern.ignore_case = ignore_case;
  const auto slash = text.rfind('/');
  const auto name = slash == std::string_view::npos ? text : text.substr(slash + 1);
  const bool within = from_top || slash != std::string_view::npos;
  pattern.name = as_like(name);
  if (!has_wildcard(name)) pattern.name = (within ? "" : "%") + pattern.name + '%';
  pattern.indexable = has_trigram(name);
  if (within) {
    const auto directory = slash == std::string_view::npos ? std::string_view{} : text.substr(0, slash);
    pattern.directory = (from_top ? "" : "%") + as_like(directory);
  }
  return pattern;
}

}  // namespace cyborg
