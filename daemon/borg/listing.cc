// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/listing.h"

#include <sys/stat.h>

#include <array>
#include <charconv>
#include <chrono>

#include "core/utf8.h"

namespace cyborg {
namespace {

constexpr std::size_t kFields = 8;
// A longer record is no file. A path may be longer than Linux accepts in one call: directories can be created
// step by step.
constexpr std::size_t kMaxFile = 4 << 20;

constexpr std::size_t kToldOfIt = 200;  // bytes of a malformed listing to report

using Fields = std::array<std::string_view, kFields>;

template <typename Number>
bool parse_number(std::string_view text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

struct Types {
  char letter;
  std::int32_t bits;
};
constexpr std::array kTypes{
    Types{'-', S_IFREG}, Types{'d', S_IFDIR}, Types{'l', S_IFLNK},  Types{'c', S_IFCHR},
    Types{'b', S_IFBLK}, Types{'p', S_IFIFO}, Types{'s', S_IFSOCK}, Types{'h', S_IFREG | kHardLink}};

std::string_view without_slashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

std::int32_t parse_mode(std::string_view text) {
  std::int32_t mode = 0;
  if (text.empty()) return mode;
  for (const auto& type : kTypes) {
    if (type.letter == text[0]) mode = type.bits;
  }
  for (std::size_t i = 1; i < 10 && i < text.size(); ++i) {
    const char c = text[i];
    const bool special = c == 's' || c == 'S' || c == 't' || c == 'T';
    if (c != '-' && c != 'S' && c != 'T') mode |= 1 << (9 - i);
    if (special) mode |= i == 3 ? S_ISUID : i == 6 ? S_ISGID : S_ISVTX;
  }
  return mode;
}

std::string mode_text(std::int32_t mode) {
  std::string text = "?rwxrwxrwx";
  for (const auto& type : kTypes) {
    if (type.bits == (mode & (S_IFMT | kHardLink))) text[0] = type.letter;
  }
  for (std::size_t i = 1; i < 10; ++i) {
    const bool set = (mode & (1 << (9 - i))) != 0;
    const int special = i == 3 ? S_ISUID : i == 6 ? S_ISGID : i == 9 ? S_ISVTX : 0;
    if (special != 0 && (mode & special) != 0) {
      text[i] = i == 9 ? (set ? 't' : 'T') : (set ? 's' : 'S');
    } else if (!set) {
      text[i] = '-';
    }
  }
  return text;
}

bool parse_borg_time(std::string_view text, std::int64_t& microseconds) {
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || text[13] != ':' || text[16] != ':')
    return false;
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  if (!parse_number(text.substr(0, 4), year) || !parse_number(text.substr(5, 2), month) ||
      !parse_number(text.substr(8, 2), day) || !parse_number(text.substr(11, 2), hour) ||
      !parse_number(text.substr(14, 2), minute) || !parse_number(text.substr(17, 2), second)) {
    return false;
  }
  const std::chrono::sys_days date{std::chrono::year{year} / std::chrono::month{month} /
                                   std::chrono::day{day}};
  std::int64_t value = std::chrono::seconds{date.time_since_epoch()}.count();
  value = (value + hour * 3600 + minute * 60 + second) * 1'000'000;
  if (text.size() >= 26 && text[19] == '.') {
    int fraction = 0;
    if (parse_number(text.substr(20, 6), fraction)) value += fraction;
  }
  microseconds = value;
  return true;
}

namespace {

// User names are those of the client, whatever they contain; of paths, borg prints only text.
void set_name(std::string& name, std::string_view from) {
  if (is_valid_utf8(from)) {
    name = from;
  } else {
    name = to_clean_utf8(from);
  }
}

bool parse_file(const Fields& fields, ListedFile& file) {
  const auto& [mode, user, group, size, mtime, health, source, path] = fields;
  file.mode = mode.size() == 10 ? parse_mode(mode) : 0;
  set_name(file.user, user);
  set_name(file.group, group);
  file.link = source;
  file.path = without_slashes(path);
  file.healthy = health != "broken";
  return (file.mode & S_IFMT) != 0 && !file.path.empty() && parse_number(size, file.size) &&
         parse_borg_time(mtime, file.mtime);
}

}  // namespace

// Reads the first file from the listing; returns true also if it is still incomplete.
bool ListingReader::read(std::string_view& listing) {
  Fields fields;
  std::size_t at = 0;
  for (auto& field : fields) {
    const auto end = listing.find('\0', at);
    if (end == std::string_view::npos) return listing.size() <= kMaxFile;
    field = listing.substr(at, end - at);
    at = end + 1;
  }
  if (!parse_file(fields, file_)) return false;
  listing.remove_prefix(at);
  take_(file_);
  return true;
}

bool ListingReader::feed(std::string_view piece) {
  rest_ += piece;
  std::string_view listing = rest_;
  bool good = true;
  for (std::size_t before = 0; good && before != listing.size();) {
    before = listing.size();
    good = read(listing);
  }
  if (!good) wrong_ = to_clean_utf8(listing.substr(0, kToldOfIt));
  rest_.erase(0, rest_.size() - listing.size());
  return good;
}

bool ListingReader::finish() {
  if (!rest_.empty()) wrong_ = to_clean_utf8(std::string_view{rest_}.substr(0, kToldOfIt));
  return rest_.empty();
}

}  // namespace cyborg
