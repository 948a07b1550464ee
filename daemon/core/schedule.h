// SPDX-License-Identifier: GPL-3.0-or-later
// A schedule: a crontab or calendar expression that policies and repositories share.
#pragma once

#include "core/property.h"
#include "core/property_checks.h"

namespace cyborg {

struct Schedule {
  std::string name;
  bool enabled = true;
  std::string crontab;  // one of crontab and on_calendar is empty
  std::string on_calendar;
  std::string timezone;      // IANA name; empty: the server's
  std::string random_delay;  // a time span as written, such as "10min"
  std::chrono::seconds random_delay_seconds{0};
  std::vector<std::string> calendar;  // derived: the OnCalendar= lines
};

template <>
inline constexpr ObjectKind kKind<Schedule> = ObjectKind::schedule;
template <>
inline constexpr auto kProperties<Schedule> = std::to_array<Property<Schedule>>({
    {.key = "name",
     .member = &Schedule::name,
     .access = Access::constant,
     .sentence = "its name in cyborgd",
     .heading = "NAME"},
    {.key = "enabled",
     .member = &Schedule::enabled,
     .sentence = "whether it, and all that depends on it, may run",
     .option = "",
     .heading = "ENABLED"},
    {.key = "crontab",
     .member = &Schedule::crontab,
     .sentence = "a crontab expression in quotes, such as '30 2 * * *'",
     .option = "CRON",
     .heading = "CRONTAB"},
    {.key = "on_calendar",
     .member = &Schedule::on_calendar,
     .sentence = "a systemd calendar expression instead",
     .heading = "ON CALENDAR"},
    {.key = "timezone",
     .member = &Schedule::timezone,
     .sentence = "such as Europe/Berlin (default: the server's)",
     .check = check_timezone,
     .heading = "TIMEZONE"},
    {.key = "random_delay",
     .member = Span<Schedule>{&Schedule::random_delay, &Schedule::random_delay_seconds},
     .sentence = "delay of at most this long, such as 10min",
     .heading = "RANDOM DELAY"},
    {.key = "calendar",
     .member = &Schedule::calendar,
     .access = Access::found,
     .sentence = "the OnCalendar= lines of its timers"},
});

}  // namespace cyborg
