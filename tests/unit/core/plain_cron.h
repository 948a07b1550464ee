// SPDX-License-Identifier: GPL-3.0-or-later
// cron's rules, implemented literally and slowly, for comparison with the calendar expressions.
#pragma once

#include <strings.h>
#include <time.h>

#include <array>
#include <string>
#include <vector>

namespace cyborg::test {

constexpr std::size_t kElapses = 20;
constexpr time_t kMinuteSeconds = 60;
constexpr time_t kDaySeconds = 86'400;
constexpr int kYearAfterLast = 2200;

// Seconds between UTC and local time; determined once per quarter of an hour, since no zone has changed its
// clock at another time within the years tested here.
inline time_t offset_at(time_t when) {
  tm local{};
  ::localtime_r(&when, &local);
  return local.tm_gmtoff;
}

struct Names {
  int low;
  std::vector<std::string> names;
};

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

inline int value_of(const std::string& text, const Names& names) {
  for (std::size_t i = 0; i < names.names.size(); ++i) {
    if (::strcasecmp(names.names[i].c_str(), text.c_str()) == 0) return names.low + static_cast<int>(i);
  }
  return std::stoi(text);
}

// Whether a value is among those that a field lists.
inline bool lists(const std::string& field, int value, int high, const Names& names) {
  for (const std::string& item : split(field, ',')) {
    const auto with_step = split(item, '/');
    const auto bounds = split(with_step[0], '-');
    int first = names.low;
    int last = high;
    if (bounds[0] != "*") {
      first = value_of(bounds[0], names);
      if (with_step.size() == 1) last = first;
    }
    if (bounds.size() == 2) last = value_of(bounds[1], names);
    if (last < first && ::strcasecmp(bounds[1].c_str(), "sun") == 0) last = 7;
    const int step = with_step.size() == 2 ? std::stoi(with_step[1]) : 1;
    if (value >= first && value <= last && (value - first) % step == 0) return true;
  }
  return false;
}

class PlainCron {
 public:
  explicit PlainCron(const std::string& crontab) {
    auto fields = split(crontab, ' ');
    if (fields.size() == 5) fields.emplace_back("*");
    for (int v = 0; v < 60; ++v) minute_[index(v)] = lists(fields[0], v, 59, {0, {}});
    for (int v = 0; v < 24; ++v) hour_[index(v)] = lists(fields[1], v, 23, {0, {}});
    for (int v = 1; v < 32; ++v) month_day_[index(v)] = lists(fields[2], v, 31, {1, {}});
    const Names months{1,
                       {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}};
    for (int v = 1; v < 13; ++v) month_[index(v)] = lists(fields[3], v, 12, months);
    const Names days{0, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}};
    for (int v = 0; v < 7; ++v) week_day_[index(v)] = lists(fields[4], v, 7, days);
    if (lists(fields[4], 7, 7, days)) week_day_[0] = true;
    for (int v = 1970; v < kYearAfterLast; ++v)
      year_[index(v - 1970)] = lists(fields[5], v, 2199, {1970, {}});
    // The rule of Debian's cron (DOM_STAR and DOW_STAR): a field that starts with `*` does not
    // restrict.
    both_days_ = fields[2].starts_with('*') || fields[4].starts_with('*');
  }

  bool matches_day(const tm& local) const {
    const bool month_day = month_day_[index(local.tm_mday)];
    const bool week_day = week_day_[index(local.tm_wday)];
    return local.tm_year + 1900 < kYearAfterLast && year_[index(local.tm_year - 70)] &&
           month_[index(local.tm_mon + 1)] && (both_days_ ? month_day && week_day : month_day || week_day);
  }
  bool matches_time(const tm& local) const {
    return minute_[index(local.tm_min)] && hour_[index(local.tm_hour)];
  }

 private:
  static std::size_t index(int value) { return static_cast<std::size_t>(value); }
  std::array<bool, 60> minute_{};
  std::array<bool, 24> hour_{};
  std::array<bool, 32> month_day_{};
  std::array<bool, 13> month_{};
  std::array<bool, 7> week_day_{};
  std::array<bool, 230> year_{};
  bool both_days_ = false;
};

// A local time, interpreted as if it were UTC.
inline tm broken_down(time_t wall) {
  tm result{};
  ::gmtime_r(&wall, &result);
  return result;
}

// Whether the days that a UTC day touches in any zone have no match, so that its minutes can be skipped.
inline bool nothing_near(const PlainCron& cron, time_t day) {
  for (const time_t other : {day - kDaySeconds, day, day + kDaySeconds}) {
    if (cron.matches_day(broken_down(other))) return false;
  }
  return true;
}

// The next elapses after `base` in the zone that is set: minute by minute, what the clock on the wall shows.
//
// The one rule that is systemd's and not cron's: the clock must show a later time than it ever did since
// `base`. When it is set back, the minutes that come a second time do not elapse again, be the schedule for a
// fixed time or for every hour (cron repeats those with an asterisk as hour or minute). When it is set
// forward, the minutes left out do not elapse at all (cron makes up for fixed times soon after): that follows
// from looking at the wall.
inline std::vector<time_t> plain_elapses(const PlainCron& cron, time_t base) {
  std::vector<time_t> elapses;
  time_t latest = base + offset_at(base);
  const time_t first = base / kMinuteSeconds * kMinuteSeconds + kMinuteSeconds;
  for (time_t day = base / kDaySeconds * kDaySeconds; broken_down(day).tm_year + 1900 <= kYearAfterLast;
       day += kDaySeconds) {
    if (nothing_near(cron, day)) continue;
    time_t offset = 0;
    for (time_t when = day; when < day + kDaySeconds; when += kMinuteSeconds) {
      if ((when - day) % (15 * kMinuteSeconds) == 0) offset = offset_at(when);
      if (when < first || when + offset <= latest) continue;
      latest = when + offset;
      const tm local = broken_down(latest);
      if (!cron.matches_time(local) || !cron.matches_day(local)) continue;
      elapses.push_back(when);
      if (elapses.size() == kElapses) return elapses;
    }
  }
  return elapses;
}

inline bool elapses_some_day(const PlainCron& cron) {
  for (time_t day = 0; broken_down(day).tm_year + 1900 < kYearAfterLast; day += kDaySeconds) {
    if (cron.matches_day(broken_down(day))) return true;
  }
  return false;
}

}  // namespace cyborg::test
