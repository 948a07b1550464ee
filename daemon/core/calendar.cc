// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "core/ascii.h"
#include "core/cron_parse.h"

namespace cyborg {
namespace {

constexpr std::size_t kMaxExpression = 256;
constexpr std::size_t kMaxZone = 64;
// Text that can be displayed, stored and written to a line of a unit file.
Expected<std::string_view> plain_line(std::string_view what, std::string_view text) {
  if (text.size() > kMaxExpression) {
    return fail(ErrorCode::invalid_schedule, fmt::format("{} has {} characters, more than the {} allowed",
                                                         what, text.size(), kMaxExpression));
  }
  for (const char c : text) {
    if (c != '\t' && (c < ' ' || c > '~')) {
      return fail(ErrorCode::invalid_schedule,
                  fmt::format("{} holds the byte 0x{:02x}; only printable ascii in one line is allowed", what,
                              static_cast<unsigned char>(c)));
    }
  }
  text = trim(text);
  if (text.empty()) return fail(ErrorCode::invalid_schedule, fmt::format("{} is empty", what));
  return text;
}

// --- time zones ---

Expected<std::string_view> checked_zone(std::string_view zone) {
  const auto allowed = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_+-/").contains(c);
  };
  if (zone.size() <= kMaxZone && std::ranges::all_of(zone, allowed) && (zone.empty() || is_letter(zone[0])) &&
      !zone.ends_with('/') && !zone.contains("//")) {
    return zone;
  }
  const bool showable =
      zone.size() <= kMaxZone && std::ranges::all_of(zone, [](char c) { return c >= ' ' && c <= '~'; });
  return fail(ErrorCode::invalid_schedule,
              fmt::format("time zone{} is not a name like Europe/Berlin or UTC",
                          showable ? fmt::format(" \"{}\"", zone) : std::string(" given")));
}

// systemd takes a zone that is spelled like an abbreviation of the server's own zone (CET on a server in
// Berlin, GMT in London) for "while that half of the year's time is in force", and then finds no elapse at
// all when asked in the other half. These zones are replaced by the names to which the tz database itself
// links them.
std::string_view unambiguous_zone(std::string_view zone) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kLinks{{
      {"CET", "Europe/Brussels"},
      {"EET", "Europe/Athens"},
      {"EST", "America/Panama"},
      {"GMT", "Etc/GMT"},
      {"HST", "Pacific/Honolulu"},
      {"MET", "Europe/Brussels"},
      {"MST", "America/Phoenix"},
      {"WET", "Europe/Lisbon"},
  }};
  const auto* link = std::ranges::find(kLinks, zone, [](const auto& pair) { return pair.first; });
  return link == kLinks.end() ? zone : link->second;
}

std::string with_zone(std::string expression, std::string_view zone) {
  if (!zone.empty()) expression.append(" ").append(unambiguous_zone(zone));
  return expression;
}

// Whether any of the years has a day that matches month, day of month and day of week.
bool has_a_day(const Crontab& crontab) {
  using namespace std::chrono;
  for (int y = kFirstYear; y <= kLastYear; ++y) {
    if (!crontab[kYear].has(y)) continue;
    for (auto day = sys_days(year(y) / January / 1); day < sys_days(year(y + 1) / January / 1);
         day += days(1)) {
      const year_month_day date(day);
      if (crontab[kMonth].has(static_cast<int>(static_cast<unsigned>(date.month()))) &&
          crontab[kDayOfMonth].has(static_cast<int>(static_cast<unsigned>(date.day()))) &&
          crontab[kDayOfWeek].has(static_cast<int>(weekday(day).c_encoding()))) {
        return true;
      }
    }
  }
  return false;
}

std::unexpected<Error> never_elapses(const Crontab& crontab) {
  std::string days =
      fmt::format("month \"{}\" has no day of month \"{}\"", crontab[kMonth].text, crontab[kDayOfMonth].text);
  if (!crontab[kDayOfWeek].is_full()) days += fmt::format(" on day of week \"{}\"", crontab[kDayOfWeek].text);
  if (!crontab[kYear].is_full()) days += fmt::format(" in year \"{}\"", crontab[kYear].text);
  return fail(ErrorCode::invalid_schedule, fmt::format("crontab never elapses: {}", days));
}

// --- calendar ---

std::vector<int> sorted_values(const Field& field) {
  std::vector<int> result;
  for (int value = field.low; value <= field.high; ++value) {
    if (field.has(value)) result.push_back(value);
  }
  return result;
}

// "00..45/15" or "01..31/2" if the whole field is evenly spaced, since people read these units; empty
// otherwise. Never the open form "00/25": with it, systemd 252 steps past the field's end and loses elapses
// where more than one unit turns, such as 00:00 of `*:00/25`, or the first of January of `*-*-01/12`.
std::string even_steps(std::span<const int> values) {
  if (values.size() < 3) return {};
  const int step = values[1] - values[0];
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] - values[i - 1] != step) return {};
  }
  if (step == 1) return {};
  return fmt::format("{:02}..{:02}/{}", values.front(), values.back(), step);
}

// A list in which neighbours are joined to ranges, with numbers for months and names for days.
template <typename Format>
std::string list_of_runs(std::span<const int> values, Format&& format) {
  std::string result;
  for (std::size_t i = 0; i < values.size();) {
    std::size_t last = i;
    while (last + 1 < values.size() && values[last + 1] == values[last] + 1) ++last;
    if (last == i + 1) last = i;  // two neighbours are easier to read as a list
    if (!result.empty()) result += ',';
    result += format(values[i]);
    if (last > i) result += ".." + format(values[last]);
    i = last + 1;
  }
  return result;
}

std::string component(const Field& field) {
  if (field.is_full()) return "*";
  const auto values = sorted_values(field);
  if (auto steps = even_steps(values); !steps.empty()) return steps;
  return list_of_runs(values, [](int value) { return fmt::format("{:02}", value); });
}

// systemd's week begins on Monday, and so do its ranges.
std::string weekdays(const Field& field) {
  constexpr std::array<std::string_view, 7> kNames{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  std::vector<int> days;
  for (int day = 0; day < 7; ++day) {
    if (field.has((day + 1) % 7)) days.push_back(day);
  }
  return list_of_runs(days, [&](int day) { return std::string(kNames[static_cast<std::size_t>(day)]); });
}

std::string calendar_line(const Crontab& crontab, std::string_view zone) {
  std::string line = crontab[kDayOfWeek].is_full() ? "" : weekdays(crontab[kDayOfWeek]) + " ";
  line +=
      fmt::format("{}-{}-{} {}:{}:00", component(crontab[kYear]), component(crontab[kMonth]),
                  component(crontab[kDayOfMonth]), component(crontab[kHour]), component(crontab[kMinute]));
  return with_zone(std::move(line), zone);
}

Crontab every_day_of(Crontab crontab, FieldIndex field) {
  for (int value = crontab[field].low; value <= crontab[field].high; ++value) crontab[field].add(value);
  return crontab;
}

// Splits a crontab into crontabs whose days are in AND, and whose union is the original.
std::vector<Crontab> split_days(const Crontab& crontab) {
  const Field& month_days = crontab[kDayOfMonth];
  const Field& week_days = crontab[kDayOfWeek];
  if (month_days.is_starred() || week_days.is_starred()) return {crontab};
  const Crontab by_month = every_day_of(crontab, kDayOfWeek);
  const Crontab by_week = every_day_of(crontab, kDayOfMonth);
  if (month_days.is_full()) return {by_month};
  if (week_days.is_full()) return {by_week};
  return {by_month, by_week};
}

// --- native expressions and time spans ---

// Whether the last word is a time zone: not if it is the first word (then it is a shorthand or weekdays), or
// a date or time, which contain no name.
bool names_a_zone(std::span<const std::string_view> parts) {
  return parts.size() > 1 && is_letter(parts.back()[0]);
}

std::optional<long> unit_seconds(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, long>, 18> kUnits{{
      {"", 1},
      {"s", 1},
      {"sec", 1},
      {"second", 1},
      {"seconds", 1},
      {"m", 60},
      {"min", 60},
      {"minute", 60},
      {"minutes", 60},
      {"h", 3600},
      {"hr", 3600},
      {"hour", 3600},
      {"hours", 3600},
      {"d", 86'400},
      {"day", 86'400},
      {"days", 86'400},
      {"w", 604'800},
      {"week", 604'800},
  }};
  if (unit == "weeks") return 604'800;
  const auto* found = std::ranges::find(kUnits, unit, [](const auto& pair) { return pair.first; });
  return found == kUnits.end() ? std::nullopt : std::optional(found->second);
}

std::string_view take_while(std::string_view& text, bool (*belongs)(char)) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, belongs) - text.begin());
  const auto taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

}  // namespace

Expected<std::vector<std::string>> cron_to_calendar(std::string_view crontab, std::string_view timezone) {
  const auto zone = checked_zone(timezone);
  if (!zone) return std::unexpected(zone.error());
  const auto line = plain_line("crontab", crontab);
  if (!line) return std::unexpected(line.error());
  const auto parsed = parse_crontab(*line);
  if (!parsed) return std::unexpected(parsed.error());
  std::vector<std::string> lines;
  for (const Crontab& part : split_days(*parsed)) {
    if (has_a_day(part)) lines.push_back(calendar_line(part, *zone));
  }
  if (lines.empty()) return never_elapses(*parsed);
  return lines;
}

Expected<std::string> calendar_with_zone(std::string_view expression, std::string_view timezone) {
  const auto zone = checked_zone(timezone);
  if (!zone) return std::unexpected(zone.error());
  const auto line = plain_line("calendar expression", expression);
  if (!line) return std::unexpected(line.error());
  // No specifier (%), continuation (\) or comment may be hidden in a line of a unit file.
  constexpr std::string_view kPunctuation = " \t*.,:/~@_+-";
  for (const char c : *line) {
    if (is_letter(c) || is_digit(c) || kPunctuation.contains(c)) continue;
    return fail(
        ErrorCode::invalid_schedule,
        fmt::format("calendar expression \"{}\" holds \"{}\"; only letters, digits, blanks and *.,:/~@_+- "
                    "are allowed",
                    *line, c));
  }
  auto parts = words(*line);
  std::string_view own_zone = *zone;
  if (names_a_zone(parts)) {
    own_zone = parts.back();
    parts.pop_back();
  }
  return with_zone(fmt::format("{}", fmt::join(parts, " ")), own_zone);
}

Expected<std::chrono::seconds> parse_time_span(std::string_view text) {
  constexpr long kMaxSeconds = 100L * 365 * 86'400;
  const auto line = plain_line("time span", text);
  if (!line) return fail(ErrorCode::invalid_argument, line.error().message);
  long total = 0;
  for (std::string_view rest = *line; !rest.empty(); rest = trim(rest)) {
    const auto digits = take_while(rest, is_digit);
    const auto amount = number(digits);
    rest = trim(rest);
    const auto unit = take_while(rest, [](char c) { return !is_digit(c) && c != ' ' && c != '\t'; });
    const auto seconds = unit_seconds(unit);
    if (digits.empty() || !seconds) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("time span \"{}\": \"{}\" is not a whole number of s, min, h, d or w", *line,
                              digits.empty() ? unit : fmt::format("{}{}", digits, unit)));
    }
    if (!amount || *amount > (kMaxSeconds - total) / *seconds) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("time span \"{}\" is longer than 100 years", *line));
    }
    total += *amount * *seconds;
  }
  return std::chrono::seconds(total);
}

}  // namespace cyborg
