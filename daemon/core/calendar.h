// SPDX-License-Identifier: GPL-3.0-or-later
// Schedules in systemd's form: crontab expressions become OnCalendar= values, native ones get their time
// zone. Pure: no clock, no file, no process.
//
// An outer part checks what this cannot know: that a time zone exists in the tz database, that systemd
// accepts a native expression, and that it elapses again (a past year, or a lone 02:30 in the hour that
// summer time skips, never does).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace cyborg {

// Converts a crontab to OnCalendar= values whose union has its meaning: one, or two if both day fields are
// restricted. `timezone` is an IANA name, or empty for the server's own.
//
// It has five fields, or six with a year (1970-2199, systemd's own bounds), or is @hourly, @daily, @midnight,
// @weekly, @monthly, @yearly or @annually. As in Vixie's cron (crontab(5) of Debian):
//   - the days are those that match both day fields if one of the two starts with `*`, even as in `*/2`, and
//     otherwise those that match either;
//   - 0 and 7 are Sunday, and a reversed range is refused.
// Beyond Vixie's cron: `a/n` goes from a to the field's end (for a week: 7), a range of names may end on
// Sunday (`fri-sun`), and a step that leaves only its first value, as the 90 of `*/90`, is refused.
//
// Clock changes are handled as by systemd, not cron: a time that is skipped does not elapse on that day, and
// one that occurs twice elapses the first time only.
Expected<std::vector<std::string>> cron_to_calendar(std::string_view crontab, std::string_view timezone);

// Returns a native OnCalendar= expression that is safe in a unit file, with the zone appended if it names
// none. Only systemd can check its grammar.
Expected<std::string> calendar_with_zone(std::string_view expression, std::string_view timezone);

// Parses systemd's time span syntax, in units from seconds to weeks: "90", "10min", "1h 30min", "2 days".
Expected<std::chrono::seconds> parse_time_span(std::string_view text);

}  // namespace cyborg
