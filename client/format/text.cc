// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace cyborg::client {
namespace {

// Returns the length in bytes of the code point at the start of the text, or 0 if it is not valid UTF-8.
std::size_t decode(std::string_view text, char32_t& point) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t length = 0;
  if (lead < 0x80) {
    point = lead;
    return 1;
  }
  if (lead >= 0xC2 && lead < 0xE0) length = 2;
  if (lead >= 0xE0 && lead < 0xF0) length = 3;
  if (lead >= 0xF0 && lead < 0xF5) length = 4;
  if (length == 0 || text.size() < length) return 0;
  point = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point < 0xE000;
  return point < kLeast[length] || point > 0x10FFFF || surrogate ? 0 : length;
}

bool is_harmless(char32_t point) {
  if (point < 0x20) return point == '\t';
  if (point >= 0x7F && point < 0xA0) return false;
  // Line separators, and characters that change the writing direction.
  if (point == 0x2028 || point == 0x2029 || point == 0x200E || point == 0x200F) return false;
  return !(point >= 0x202A && point <= 0x202E) && !(point >= 0x2066 && point <= 0x2069);
}

void escape(std::string& result, std::string_view bytes) {
  if (bytes == "\n") {
    result += "\\n";
    return;
  }
  for (const char c : bytes) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

bool starts_code_point(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

// The byte offset of code point number `index`.
std::size_t offset_of(std::string_view text, std::size_t index) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (starts_code_point(text[i]) && seen++ == index) return i;
  }
  return text.size();
}

struct Unit {
  std::uint64_t length;  // microseconds
  const char* name;
};
constexpr std::uint64_t kSecond = 1'000'000;
constexpr std::array kUnits{Unit{7 * 86'400 * kSecond, "week"}, Unit{86'400 * kSecond, "day"},
                            Unit{3'600 * kSecond, "h"}, Unit{60 * kSecond, "min"}, Unit{kSecond, "s"}};

std::string with_unit(std::uint64_t count, const Unit& unit) {
  const bool is_word = std::string_view(unit.name) == "week" || std::string_view(unit.name) == "day";
  if (!is_word) return fmt::format("{}{}", count, unit.name);
  return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
}

std::string local_time(std::uint64_t microseconds, const char* format) {
  const auto seconds = static_cast<std::time_t>(microseconds / kSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[64];
  return {text, std::strftime(text, sizeof text, format, &local)};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    char32_t point = 0;
    const auto length = decode(text, point);
    const auto bytes = text.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && is_harmless(point)) {
      result += bytes;
    } else {
      escape(result, bytes);
    }
    text.remove_prefix(bytes.size());
  }
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += starts_code_point(c) ? 1 : 0;
  return width;
}

std::string ellipsize(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  return std::string(text.substr(0, offset_of(text, width - 1))) + "…";
}

std::string ellipsize_front(std::string_view text, std::size_t width) {
  const auto total = display_width(text);
  if (total <= width) return std::string(text);
  if (width == 0) return {};
  return "…" + std::string(text.substr(offset_of(text, total - width + 1)));
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::array kSizes{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < kSizes.size(); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kSizes[unit]);
}

// The two largest units are precise enough.
std::string human_span(std::uint64_t microseconds) {
  if (microseconds < kSecond) return fmt::format("{}ms", microseconds / 1000);
  std::string result;
  int parts = 0;
  for (const auto& unit : kUnits) {
    if (microseconds < unit.length) continue;
    if (parts++ > 0) result += ' ';
    result += with_unit(microseconds / unit.length, unit);
    microseconds %= unit.length;
    if (parts == 2) break;
  }
  return result;
}

std::string human_time(std::uint64_t microseconds) {
  return local_time(microseconds, "%a %F %T %Z");
}

std::string human_date(std::uint64_t microseconds) {
  return local_time(microseconds, "%F %R");
}

std::string relative_time(std::uint64_t microseconds, std::uint64_t now) {
  const bool past = microseconds <= now;
  const auto distance = past ? now - microseconds : microseconds - now;
  if (distance < kSecond) return "now";
  const auto span = human_span(distance);
  return past ? span + " ago" : "in " + span;
}

}  // namespace cyborg::client
