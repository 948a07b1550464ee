// Schedules as systemd understands them: crontab expressions become OnCalendar= values, native ones get their
// time zone. Pure: no clock, no file, no process.
//
// What this cannot know, an outer part checks: that a time zone exists in the tz database, that systemd
// accepts a native expression, and that something lies ahead (a year that is over, or a lone 02:30 in the
// hour that summer time skips, never elapses again).
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace cyborg {

// A crontab's meaning as OnCalendar= values whose union it is: one, or two if both day fields are restricted.
// `timezone` is an IANA name or empty for the server's own.
//
// Five fields, or six with a year (1970-2199, systemd's own bounds), or @hourly, @daily, @midnight, @weekly,
// @monthly, @yearly, @annually. As in Vixie's cron (crontab(5) of Debian):
//  - the days are those that match both day fields if one of the two starts with `*`, be it `*/2`, and
//    otherwise those that match either;
//  - 0 and 7 are Sunday, and a range that runs backwards is refused.
// More than Vixie's cron: `a/n` goes from a to the field's end (for a week: 7), a range of names may end on
// Sunday (`fri-sun`), and a step that leaves only its first value, as the 90 of `*/90`, is refused.
//
// Changes of the clock follow systemd, not cron: a time that is skipped does not elapse on that day, and one
// that comes twice elapses the first time only.
Expected<std::vector<std::string>> cron_to_calendar(std::string_view crontab, std::string_view timezone);

// A native OnCalendar= expression that is safe in a unit file, with the zone appended if it does not name
// one. Its grammar is systemd's to judge.
Expected<std::string> calendar_with_zone(std::string_view expression, std::string_view timezone);

// systemd's time span syntax in units from seconds to weeks: "90", "10min", "1h 30min", "2 days".
Expected<std::chrono::seconds> parse_time_span(std::string_view text);

}  // namespace cyborg
