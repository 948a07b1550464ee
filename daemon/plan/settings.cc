// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/calendar.h"

namespace cyborg {
namespace {

constexpr std::array kTable{
    SettingInfo{"max_jobs", "number", "16", "jobs that start or run at the same time, in all"},
    SettingInfo{"max_jobs_per_repository_host", "number", "8",
                "jobs at the same time for each host that holds repositories, this server included"},
    SettingInfo{"job_timeout", "span", "24h",
                "time after which a job is stopped, unless its policy says otherwise; 0 for never"},
    SettingInfo{"late_after", "span", "6h",
                "grace after a schedule's interval before a missing backup counts as late"},
    SettingInfo{"catalog", "flag", "yes", "catalog the contents of each archive, for searching"},
    SettingInfo{"catalog_budget", "size", "10G", "disk space for the catalog of all clients; 0 for no limit"},
    SettingInfo{"verify_files", "number", "20",
                "files that a verification compares with the client's, by chance"},
    SettingInfo{"verify_bytes", "size", "256M", "total size of these; canaries come in addition"},
    SettingInfo{"keep_minimum", "number", "1",
                "number of newest archives of each policy and client that retention never removes"},
    SettingInfo{"compact_after_prune", "flag", "yes",
                "free the space of removed archives at once (yes), or only when asked to (no)"},
    SettingInfo{
        "retry_attempts", "number", "5",
        "how often a job of a scheduled run is tried when its client or repository cannot be reached"},
    SettingInfo{"retry_delay", "span", "1min", "delay before the second attempt; doubles each time"},
    SettingInfo{"retry_longest_delay", "span", "30min", "longest delay between two attempts"},
    SettingInfo{
        "keep_history", "span", "0",
        "how long jobs and runs are remembered, with their output, where nothing needs them: a day at "
        "least; 0 for ever"},
    SettingInfo{"recent_jobs", "span", "10min", "how long an ended job stays an object on the bus"},
};

const SettingInfo* find(std::string_view name) {
  const auto row = std::ranges::find(kTable, name, &SettingInfo::name);
  return row != kTable.end() ? &*row : nullptr;
}

Expected<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 1 || number > 10'000) {
    return fail(ErrorCode::invalid_argument, fmt::format("\"{}\": expected a number in 1-10000", text));
  }
  return number;
}

// Parses "500M", "10G" with powers of 1024.
Expected<std::int64_t> parse_size(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr std::string_view kUnits = "KMGT";
  const auto power = unit.size() == 1 ? kUnits.find(unit[0]) : std::string_view::npos;
  const bool none = number == 0 && unit.empty();
  if (error != std::errc{} || number < 0 || number > 1'000'000 ||
      (!none && power == std::string_view::npos)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("\"{}\": expected a size such as 500M or 10G, or 0", text));
  }
  return none ? 0 : number << (10 * (power + 1));
}

Expected<void> check_value(const SettingInfo& info, const std::string& value) {
  if (info.type == "number") {
    if (const auto number = parse_number(value); !number) return std::unexpected(number.error());
  } else if (info.type == "size") {
    if (const auto size = parse_size(value); !size) return std::unexpected(size.error());
  } else if (info.type == "flag") {
    if (value != "yes" && value != "no") {
      return fail(ErrorCode::invalid_argument, fmt::format("\"{}\": expected yes or no", value));
    }
  } else if (value != "0" && !parse_time_span(value)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("\"{}\": expected a time span such as 10min, or 0", value));
  }
  return {};
}

}  // namespace

std::span<const SettingInfo> setting_table() {
  return kTable;
}

Expected<void> check_setting(std::string_view name, const std::string& value) {
  const SettingInfo* info = find(name);
  if (!info) return fail(ErrorCode::no_such_setting, fmt::format("no setting named \"{}\"", name));
  if (value.empty()) return {};
  if (const auto checked = check_value(*info, value); !checked) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} {}", name, checked.error().message));
  }
  return {};
}

std::string setting_text(const Settings& settings, std::string_view name) {
  if (const auto set = settings.find(std::string{name}); set != settings.end()) return set->second;
  const SettingInfo* info = find(name);
  return info ? std::string{info->default_value} : std::string{};
}

std::int64_t setting_number(const Settings& settings, std::string_view name) {
  return parse_number(setting_text(settings, name)).value_or(1);
}

std::int64_t setting_size(const Settings& settings, std::string_view name) {
  return parse_size(setting_text(settings, name)).value_or(0);
}

bool setting_flag(const Settings& settings, std::string_view name) {
  return setting_text(settings, name) == "yes";
}

std::chrono::seconds setting_span(const Settings& settings, std::string_view name) {
  const std::string text = setting_text(settings, name);
  return text == "0" ? std::chrono::seconds{0} : parse_time_span(text).value_or(std::chrono::seconds{0});
}

}  // namespace cyborg
