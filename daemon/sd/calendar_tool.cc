// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/calendar_tool.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

namespace cyborg::sd {
namespace {

constexpr std::chrono::seconds kTimeout{10};
// Programs run at a time: after a start of the daemon, every policy needs its elapses.
constexpr std::size_t kMaxRunning = 2;

// Parses "Mon 2026-11-23 09:00:00 UTC"; returns 0 for anything else.
Microseconds parse_utc(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, length = 0;
  const int fields = std::sscanf(text.c_str(), "%*3s %d-%d-%d %d:%d:%d UTC%n", &year, &month, &day, &hour,
                                 &minute, &second, &length);
  if (fields != 6 || length == 0) return 0;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return 0;
  const std::chrono::seconds seconds = std::chrono::sys_days{date}.time_since_epoch() +
                                       std::chrono::hours{hour} + std::chrono::minutes{minute} +
                                       std::chrono::seconds{second};
  return std::chrono::microseconds{seconds}.count();
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \n") - first + 1);
}

std::unexpected<Error> refuse(const std::vector<std::string>& calendar, const std::string& reason) {
  return fail(ErrorCode::invalid_schedule,
              fmt::format("calendar expression '{}': {}", fmt::join(calendar, "' or '"), reason));
}

Expected<std::vector<Microseconds>> judge(const std::vector<std::string>& calendar, unsigned count,
                                          const ChildEnd& end) {
  if (end.timed_out) return refuse(calendar, "systemd-analyze did not answer in time");
  // systemd-analyze names the expression: "Failed to parse calendar specification 'x': Invalid argument".
  if (end.status != 0)
    return fail(ErrorCode::invalid_schedule, "calendar expression: " + std::string{trim(end.errors)});
  const auto elapses = parse_elapses(end.output);
  const std::set<Microseconds> sorted{elapses.begin(), elapses.end()};
  if (sorted.empty()) return refuse(calendar, "never elapses again");
  std::vector<Microseconds> result{sorted.begin(), sorted.end()};
  result.resize(std::min<std::size_t>(result.size(), count));
  return result;
}

}  // namespace

// Each elapse is one line if the local time zone is UTC, otherwise two:
//     Next elapse: Mon 2026-11-23 10:00:00 CET
//        (in UTC): Mon 2026-11-23 09:00:00 UTC
//        Iter. #2: …                             ("Iteration #2" in later versions)
std::vector<Microseconds> parse_elapses(std::string_view output) {
  std::vector<Microseconds> elapses;
  while (!output.empty()) {
    const std::string_view line = trim(output.substr(0, output.find('\n')));
    output.remove_prefix(std::min(
        output.size(), output.find('\n') == std::string_view::npos ? output.size() : output.find('\n') + 1));
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, colon);
    if (key != "Next elapse" && key != "(in UTC)" && !key.starts_with("Iter")) continue;
    if (const Microseconds time = parse_utc(std::string{line.substr(colon + 2)}); time != 0)
      elapses.push_back(time);
  }
  return elapses;
}

void CalendarTool::next_elapses(std::vector<std::string> calendar, unsigned count,
                                Done<std::vector<Microseconds>> done) {
  if (calendar.empty()) {
    loop_.post(
        [done = std::move(done)] { done(fail(ErrorCode::invalid_schedule, "no calendar expression")); });
    return;
  }
  queue_.push_back({std::move(calendar), std::max(count, 1U), std::move(done), nullptr});
  start_queued();
}

void CalendarTool::start_queued() {
  while (!queue_.empty() && running_.size() < kMaxRunning) {
    running_.splice(running_.end(), queue_, queue_.begin());
    const auto request = std::prev(running_.end());
    std::vector<std::string> argv{"systemd-analyze", "calendar",
                                  "--iterations=" + std::to_string(request->count), "--"};
    argv.insert(argv.end(), request->calendar.begin(), request->calendar.end());
    try {
      request->child =
          std::make_unique<Child>(loop_, argv, std::vector<std::string>{"LC_ALL=C", "SYSTEMD_COLORS=0"},
                                  kTimeout, [this, request](const ChildEnd& end) { finish(request, end); });
    } catch (const std::exception& error) {
      loop_.post([done = request->done, text = std::string{error.what()}] {
        done(fail(ErrorCode::failed, "cannot run systemd-analyze: " + text));
      });
      running_.erase(request);
    }
  }
}

void CalendarTool::finish(std::list<Request>::iterator request, const ChildEnd& end) {
  const Request ended = std::move(*request);
  running_.erase(request);
  start_queued();
  ended.done(judge(ended.calendar, ended.count, end));
}

}  // namespace cyborg::sd
