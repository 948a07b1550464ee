// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cron_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "core/ascii.h"

namespace cyborg {
namespace {

constexpr std::array<std::string_view, 12> kMonthNames{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDayNames{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRule {
  std::string_view name;
  int low;
  int high;
  std::span<const std::string_view> names;  // the first name stands for `low`
};

constexpr std::array<FieldRule, kFields> kRules{{
    {"minute", 0, 59, {}},
    {"hour", 0, 23, {}},
    {"day of month", 1, 31, {}},
    {"month", 1, 12, kMonthNames},
    {"day of week", 0, 7, kDayNames},
    {"year", kFirstYear, kLastYear, {}},
}};

struct Range {
  int first;
  int last;
  int step = 1;
};

std::unexpected<Error> bad_field(const FieldRule& rule, std::string_view reason, std::string hint = {}) {
  return fail(ErrorCode::invalid_schedule, fmt::format("crontab field \"{}\": {}", rule.name, reason),
              std::move(hint));
}

Expected<int> parse_value(const FieldRule& rule, std::string_view text) {
  if (const auto* name = std::ranges::find(rule.names, lower(text)).base(); name != rule.names.end().base()) {
    return rule.low + static_cast<int>(name - rule.names.data());
  }
  const auto value = number(text);
  if (value && *value >= rule.low && *value <= rule.high) return static_cast<int>(*value);
  const std::string right = rule.names.empty() ? fmt::format("{}-{}", rule.low, rule.high)
                                               : fmt::format("{}-{} or {}-{}", rule.low, rule.high,
                                                             rule.names.front(), rule.names.back());
  // L, W, # and ? are used in crontabs of other schedulers.
  std::string hint;
  if (text.find_first_of("LW#?") != std::string_view::npos) {
    hint = "an OnCalendar expression can say more than a crontab: *-*~01 is the last day of every month";
  }
  return bad_field(
      rule, fmt::format("{} is not in {}", value ? std::string(text) : fmt::format("\"{}\"", text), right),
      std::move(hint));
}

Expected<Range> parse_range(const FieldRule& rule, std::string_view text) {
  if (text == "*") return Range{rule.low, rule.high};
  const auto dash = text.find('-');
  const auto first = parse_value(rule, text.substr(0, dash));
  if (!first) return std::unexpected(first.error());
  if (dash == std::string_view::npos) return Range{*first, *first};
  const auto last_text = text.substr(dash + 1);
  auto last = parse_value(rule, last_text);
  if (!last) return std::unexpected(last.error());
  // By name, Sunday is 0, which would make the ordinary `sat-sun` a reversed range.
  if (lower(last_text) == kDayNames[0] && *first > 0) last = rule.high;
  if (*first > *last) {
    return bad_field(rule, fmt::format("range {} runs backwards; write {}-{},{}-{}", text,
                                       text.substr(0, dash), rule.high, rule.low, last_text));
  }
  return Range{*first, *last};
}

// Parses `*`, `a` or `a-b`, each optionally with `/n`.
Expected<Range> parse_item(const FieldRule& rule, std::string_view item) {
  const auto slash = item.find('/');
  const auto body = item.substr(0, slash);
  auto range = parse_range(rule, body);
  if (!range || slash == std::string_view::npos) return range;
  const auto step = number(item.substr(slash + 1));
  // A step of the whole field is common and harmless (`*/60`); a longer step does not do what it seems to.
  const int turn = (&rule == &kRules[kDayOfWeek]) ? 7 : rule.high - rule.low + 1;
  if (!step || *step < 1 || *step > turn) {
    return bad_field(rule, fmt::format("step \"{}\" is not in 1-{}", item.substr(slash + 1), turn));
  }
  if (body != "*" && !body.contains('-')) range->last = rule.high;
  range->step = static_cast<int>(*step);
  return range;
}

Expected<Field> parse_field(const FieldRule& rule, std::string_view text) {
  const bool week = &rule == &kRules[kDayOfWeek];
  Field field{text, rule.low, week ? 6 : rule.high, {}};
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto item = text.substr(begin, end - begin);
    if (item.empty()) return bad_field(rule, fmt::format("the list \"{}\" has an empty item", text));
    const auto range = parse_item(rule, item);
    if (!range) return std::unexpected(range.error());
    for (int value = range->first; value <= range->last; value += range->step)
      field.add(week ? value % 7 : value);
    begin = end + 1;
  }
  return field;
}

Expected<std::string_view> expand_nickname(std::string_view crontab) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNicknames{{
      {"@hourly", "0 * * * *"},
      {"@daily", "0 0 * * *"},
      {"@midnight", "0 0 * * *"},
      {"@weekly", "0 0 * * 0"},
      {"@monthly", "0 0 1 * *"},
      {"@yearly", "0 0 1 1 *"},
      {"@annually", "0 0 1 1 *"},
  }};
  if (!crontab.starts_with('@')) return crontab;
  const std::string nickname = lower(crontab);
  if (nickname == "@reboot") {
    return fail(
        ErrorCode::invalid_schedule,
        "crontab \"@reboot\" is not a time; a run that was missed while the server was off is made up for");
  }
  const auto* found = std::ranges::find(kNicknames, nickname, [](const auto& pair) { return pair.first; });
  if (found != kNicknames.end()) return found->second;
  return fail(
      ErrorCode::invalid_schedule,
      fmt::format("crontab \"{}\" is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
                  "@annually",
                  crontab));
}

}  // namespace

Expected<Crontab> parse_crontab(std::string_view text) {
  const auto expanded = expand_nickname(text);
  if (!expanded) return std::unexpected(expanded.error());
  auto texts = words(*expanded);
  if (texts.size() != kFields && texts.size() != kFields - 1) {
    return fail(
        ErrorCode::invalid_schedule,
        fmt::format("crontab \"{}\" has {} field{}, not five (minute, hour, day of month, month, day of "
                    "week) or six (and a year)",
                    text, texts.size(), texts.size() == 1 ? "" : "s"));
  }
  texts.resize(kFields, "*");
  Crontab crontab;
  for (std::size_t i = 0; i < kFields; ++i) {
    auto field = parse_field(kRules[i], texts[i]);
    if (!field) return std::unexpected(std::move(field.error()));
    crontab[i] = *field;
  }
  return crontab;
}

}  // namespace cyborg
