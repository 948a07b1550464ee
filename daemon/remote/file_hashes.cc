// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/file_hashes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/quote.h"
#include "remote/script_parts.h"
#include "remote/scripts.h"

namespace cyborg {
namespace {

// Takes the first word of a line; the rest stays.
std::string_view take_word(std::string_view& line) {
  const auto space = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, space);
  line.remove_prefix(std::min(space + 1, line.size()));
  return word;
}

template <typename Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

// The microseconds of "2026-01-02 03:04:05.123456789 +0000", if stat prints fractions.
std::optional<std::int64_t> fraction_of(std::string_view time) {
  const auto point = time.find('.');
  std::int64_t value = 0;
  if (point == std::string_view::npos || !read_number(time.substr(point + 1, 6), value)) return std::nullopt;
  return value;
}

// Here, signals end it; the descriptor is where a borg would find its passphrase.
constexpr const char* kNoInput = "input_watch=\nexec 3<&-\n";
constexpr const char* kHashEnd = "[ -z \"$input_watch\" ] || kill $input_watch\nexit 0\n";

}  // namespace

std::vector<std::string> hash_scripts(const std::vector<SampledFile>& files, std::size_t limit, bool local) {
  // The whole script is quoted once more on its way: a quote becomes four characters.
  const auto length = [](std::string_view text) {
    return text.size() + 3 * static_cast<std::size_t>(std::ranges::count(text, '\''));
  };
  const std::string start =
      script_prelude("077", "C") + scripts::hashes + (local ? kNoInput : scripts::watch_input);
  std::vector<std::string> scripts;
  std::size_t used = limit;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string line = fmt::format("h {} {}\n", i, quote("/" + files[i].path));
    if (used + length(line) > limit) {
      if (!scripts.empty()) scripts.back() += kHashEnd;
      scripts.push_back(start);
      used = length(start) + length(kHashEnd);
    }
    used += length(line);
    scripts.back() += line;
  }
  if (!scripts.empty()) scripts.back() += kHashEnd;
  return scripts;
}

bool parse_hashes(std::string_view text, std::vector<std::optional<ClientFile>>& files) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t number = 0;
    if (!read_number(take_word(line), number) || number >= files.size()) return false;
    const std::string_view kind = take_word(line);
    ClientFile file;
    if (kind == "odd") {
      // No longer a regular file, or one that is being written: it cannot be unchanged.
      file.kind = ClientFile::Kind::file;
      file.size = -1;
    } else if (kind == "unreadable") {
      file.kind = ClientFile::Kind::unreadable;
    } else if (kind == "file") {
      file.kind = ClientFile::Kind::file;
      file.sha256 = take_word(line);
      std::int64_t seconds = 0;
      if (file.sha256.size() != 64 || !read_number(take_word(line), file.size) ||
          !read_number(take_word(line), seconds)) {
        return false;
      }
      const auto fraction = fraction_of(line);
      file.exact = fraction.has_value();
      file.mtime = seconds * 1'000'000 + fraction.value_or(0);
    } else if (kind != "missing") {
      return false;
    }
    files[number] = std::move(file);
  }
  return true;
}

}  // namespace cyborg
