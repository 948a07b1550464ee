#include "core/borg_listing.h"

#include <sys/stat.h>

#include <array>
#include <charconv>
#include <chrono>

namespace cyborg {
namespace {

// Reads a flat JSON object: strings, numbers and words as values.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool is_string() {
    skip_space();
    return at_ < text_.size() && text_[at_] == '"';
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

  bool string(std::string& value) {
    value.clear();
    if (!take('"')) return false;
    for (;;) {
      const auto special = text_.find_first_of("\"\\", at_);
      if (special == std::string_view::npos) return false;
      value += text_.substr(at_, special - at_);
      at_ = special + 1;
      if (text_[special] == '"') return true;
      if (!escape(value)) return false;
    }
  }

  // A number, true, false or null, as it is written.
  std::string_view word() {
    skip_space();
    const auto begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ' ') ++at_;
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\r')) ++at_;
  }

  bool escape(std::string& value) {
    if (at_ >= text_.size()) return false;
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const auto known = kFrom.find(c); known != std::string_view::npos) {
      value += kTo[known];
      return true;
    }
    return c == 'u' && unicode(value);
  }

  bool hex(unsigned& code) {
    if (at_ + 4 > text_.size()) return false;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
    at_ += 4;
    return error == std::errc{} && end == begin + 4;
  }

  bool unicode(std::string& value) {
    unsigned code = 0;
    if (!hex(code)) return false;
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      unsigned low = 0;
      if (!hex(low)) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(value, code);
    return true;
  }

  // What is no character (half of a pair, NUL) becomes U+FFFD.
  static void append_utf8(std::string& value, unsigned code) {
    if (code == 0 || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) code = 0xFFFD;
    const auto tail = [&](unsigned shift) { value += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      value += static_cast<char>(code);
    } else if (code < 0x800) {
      value += static_cast<char>(0xC0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      value += static_cast<char>(0xE0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      value += static_cast<char>(0xF0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

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

bool parse_listing_line(std::string_view line, ListedFile& file) {
  thread_local std::string key, text, source, target;
  file.path.clear();
  file.user.clear();
  file.group.clear();
  file.mode = 0;
  file.size = file.mtime = 0;
  source.clear();
  target.clear();
  Scanner scan{line};
  if (!scan.take('{')) return false;
  bool first = true;
  while (!scan.take('}')) {
    if (!first && !scan.take(',')) return false;
    first = false;
    if (!scan.string(key) || !scan.take(':')) return false;
    if (!scan.is_string()) {
      const auto word = scan.word();
      if (word.empty() || (key == "size" && !parse_number(word, file.size))) return false;
      continue;
    }
    std::string& into = key == "path"         ? file.path
                        : key == "user"       ? file.user
                        : key == "group"      ? file.group
                        : key == "source"     ? source
                        : key == "linktarget" ? target
                                              : text;
    if (!scan.string(into)) return false;
    if (key == "mode") file.mode = parse_mode(text);
    if (key == "mtime" && !parse_borg_time(text, file.mtime)) return false;
  }
  const auto path = without_slashes(file.path);
  if (path.size() != file.path.size()) file.path = std::string{path};
  file.link = source.empty() ? target : source;
  return scan.at_end() && !file.path.empty() && file.mode != 0;
}

}  // namespace cyborg
