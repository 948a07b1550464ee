// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/calendar.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cyborg {
namespace {

using Lines = std::vector<std::string>;

std::string refusal(std::string_view crontab, std::string_view timezone = "") {
  const auto lines = cron_to_calendar(crontab, timezone);
  if (lines) return "accepted as " + lines->front();
  EXPECT_EQ(lines.error().code, ErrorCode::invalid_schedule);
  return lines.error().message;
}

TEST(Cron, becomes_calendar_expressions) {
  const struct {
    std::string_view crontab;
    Lines lines;
  } cases[] = {
      {"* * * * *", {"*-*-* *:*:00"}},
      {"30 2 * * *", {"*-*-* 02:30:00"}},
      {"  30\t2  * * * ", {"*-*-* 02:30:00"}},
      {"05 007 * * *", {"*-*-* 07:05:00"}},
      {"*/15 * * * *", {"*-*-* *:00..45/15:00"}},
      {"*/60 */24 */31 */12 *", {"*-01-01 00:00:00"}},
      {"5/20 * * * *", {"*-*-* *:05..45/20:00"}},
      {"0-30/10 * * * *", {"*-*-* *:00..30/10:00"}},
      {"0 8-17 * * mon-fri", {"Mon..Fri *-*-* 08..17:00:00"}},
      {"0 0,1,2,5,6,22-23 * * *", {"*-*-* 00..02,05,06,22,23:00:00"}},
      {"0 0 1 jan,Feb,DEC *", {"*-01,02,12-01 00:00:00"}},
      {"0 0 1 mar-may *", {"*-03..05-01 00:00:00"}},
      {"0 0 * * 0", {"Sun *-*-* 00:00:00"}},
      {"0 0 * * 7", {"Sun *-*-* 00:00:00"}},
      {"0 0 * * 0-7", {"*-*-* 00:00:00"}},
      {"0 0 * * 5-7", {"Fri..Sun *-*-* 00:00:00"}},
      {"0 0 * * fri-sun", {"Fri..Sun *-*-* 00:00:00"}},
      {"0 0 * * sun-tue", {"Mon,Tue,Sun *-*-* 00:00:00"}},
      {"0 0 * * sun-sun", {"Sun *-*-* 00:00:00"}},
      {"0 0 * * 1/2", {"Mon,Wed,Fri,Sun *-*-* 00:00:00"}},
      {"0 0 1 1 * 2030", {"2030-01-01 00:00:00"}},
      {"0 0 1 1 * 2030-2040/5,2099", {"2030,2035,2040,2099-01-01 00:00:00"}},
      {"0 0 1 1 * */10", {"1970..2190/10-01-01 00:00:00"}},
      {"0 0 29 2 * 2028", {"2028-02-29 00:00:00"}},
  };
  for (const auto& [crontab, lines] : cases) {
    const auto result = cron_to_calendar(crontab, "");
    ASSERT_TRUE(result) << crontab << ": " << result.error().message;
    EXPECT_EQ(*result, lines) << crontab;
  }
}

TEST(Cron, knows_the_nicknames) {
  const struct {
    std::string_view nickname, line;
  } cases[] = {
      {"@hourly", "*-*-* *:00:00"},      {"@daily", "*-*-* 00:00:00"},    {"@midnight", "*-*-* 00:00:00"},
      {"@weekly", "Sun *-*-* 00:00:00"}, {"@monthly", "*-*-01 00:00:00"}, {"@yearly", "*-01-01 00:00:00"},
      {"@Annually", "*-01-01 00:00:00"},
  };
  for (const auto& [nickname, line] : cases)
    EXPECT_EQ(cron_to_calendar(nickname, "").value(), Lines{std::string(line)});
}

TEST(Cron, days_are_either_when_both_fields_are_restricted) {
  const struct {
    std::string_view crontab;
    Lines lines;
  } cases[] = {
      {"30 4 1,15 * 5", {"*-*-01,15 04:30:00", "Fri *-*-* 04:30:00"}},
      {"0 0 1-31 * 5", {"*-*-* 00:00:00"}},
      {"0 0 13 * 0-6", {"*-*-* 00:00:00"}},
      {"0 0 31 2 mon", {"Mon *-02-* 00:00:00"}},  // the half that never elapses is left out
  };
  for (const auto& [crontab, lines] : cases)
    EXPECT_EQ(cron_to_calendar(crontab, "").value(), lines) << crontab;
}

TEST(Cron, days_are_both_when_a_field_starts_with_an_asterisk) {
  EXPECT_EQ(cron_to_calendar("0 0 */2 * mon", "").value(), Lines{"Mon *-*-01..31/2 00:00:00"});
  EXPECT_EQ(cron_to_calendar("0 0 13 * */5", "").value(), Lines{"Fri,Sun *-*-13 00:00:00"});
  EXPECT_EQ(cron_to_calendar("0 0 13 * *,5", "").value(), Lines{"*-*-13 00:00:00"});
}

TEST(Cron, appends_the_time_zone_to_every_line) {
  EXPECT_EQ(cron_to_calendar("0 2 1 * mon", "Europe/Berlin").value(),
            (Lines{"*-*-01 02:00:00 Europe/Berlin", "Mon *-*-* 02:00:00 Europe/Berlin"}));
  EXPECT_EQ(cron_to_calendar("0 2 * * *", "UTC").value(), Lines{"*-*-* 02:00:00 UTC"});
  EXPECT_EQ(cron_to_calendar("0 2 * * *", "Etc/GMT+5").value(), Lines{"*-*-* 02:00:00 Etc/GMT+5"});
  EXPECT_EQ(cron_to_calendar("0 2 * * *", "America/Argentina/Buenos_Aires").value(),
            Lines{"*-*-* 02:00:00 America/Argentina/Buenos_Aires"});
}

TEST(Cron, spells_out_zones_that_systemd_takes_for_abbreviations) {
  EXPECT_EQ(cron_to_calendar("0 2 * * *", "CET").value(), Lines{"*-*-* 02:00:00 Europe/Brussels"});
  EXPECT_EQ(cron_to_calendar("0 2 * * *", "GMT").value(), Lines{"*-*-* 02:00:00 Etc/GMT"});
}

TEST(Cron, refuses_what_is_wrong_and_says_what_would_be_right) {
  const struct {
    std::string_view crontab, message;
  } cases[] = {
      {"", "crontab is empty"},
      {" \t", "crontab is empty"},
      {"0 0 * *",
       "crontab \"0 0 * *\" has 4 fields, not five (minute, hour, day of month, month, day of week) or six "
       "(and a "
       "year)"},
      {"x",
       "crontab \"x\" has 1 field, not five (minute, hour, day of month, month, day of week) or six (and a "
       "year)"},
      {"60 0 * * *", "crontab field \"minute\": 60 is not in 0-59"},
      {"0 24 * * *", "crontab field \"hour\": 24 is not in 0-23"},
      {"0 0-24 * * *", "crontab field \"hour\": 24 is not in 0-23"},
      {"0 99999999999999999999 * * *", "crontab field \"hour\": \"99999999999999999999\" is not in 0-23"},
      {"0 -1 * * *", "crontab field \"hour\": \"\" is not in 0-23"},
      {"0 +1 * * *", "crontab field \"hour\": \"+1\" is not in 0-23"},
      {"0 1.5 * * *", "crontab field \"hour\": \"1.5\" is not in 0-23"},
      {"0 0 0 * *", "crontab field \"day of month\": 0 is not in 1-31"},
      {"0 0 32 * *", "crontab field \"day of month\": 32 is not in 1-31"},
      {"0 0 L * *", "crontab field \"day of month\": \"L\" is not in 1-31"},
      {"0 0 * 13 *", "crontab field \"month\": 13 is not in 1-12 or jan-dec"},
      {"0 0 * january *", "crontab field \"month\": \"january\" is not in 1-12 or jan-dec"},
      {"0 0 * * 8", "crontab field \"day of week\": 8 is not in 0-7 or sun-sat"},
      {"0 0 * * jan", "crontab field \"day of week\": \"jan\" is not in 0-7 or sun-sat"},
      {"0 0 * * * 1969", "crontab field \"year\": 1969 is not in 1970-2199"},
      {"0 0 * * * 2200", "crontab field \"year\": 2200 is not in 1970-2199"},
      {"1,,2 0 * * *", "crontab field \"minute\": the list \"1,,2\" has an empty item"},
      {"1, 0 * * *", "crontab field \"minute\": the list \"1,\" has an empty item"},
      {"*-5 0 * * *", "crontab field \"minute\": \"*\" is not in 0-59"},
      {"1-2-3 0 * * *", "crontab field \"minute\": \"2-3\" is not in 0-59"},
      {"*/0 0 * * *", "crontab field \"minute\": step \"0\" is not in 1-60"},
      {"*/ 0 * * *", "crontab field \"minute\": step \"\" is not in 1-60"},
      {"*/90 * * * *", "crontab field \"minute\": step \"90\" is not in 1-60"},
      {"*/5/5 * * * *", "crontab field \"minute\": step \"5/5\" is not in 1-60"},
      {"0 0 * * */8", "crontab field \"day of week\": step \"8\" is not in 1-7"},
      {"0 22-2 * * *", "crontab field \"hour\": range 22-2 runs backwards; write 22-23,0-2"},
      {"0 0 * * fri-mon", "crontab field \"day of week\": range fri-mon runs backwards; write fri-7,0-mon"},
      {"@reboot",
       "crontab \"@reboot\" is not a time; a run that was missed while the server was off is made up for"},
      {"@fortnightly",
       "crontab \"@fortnightly\" is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, "
       "@annually"},
      {"0 0 * * *\n", "crontab holds the byte 0x0a; only printable ascii in one line is allowed"},
      {"0 0 * * \xc3\xa9", "crontab holds the byte 0xc3; only printable ascii in one line is allowed"},
  };
  for (const auto& [crontab, message] : cases) EXPECT_EQ(refusal(crontab), message) << crontab;
  EXPECT_EQ(refusal(std::string(257, '1')), "crontab has 257 characters, more than the 256 allowed");
  EXPECT_EQ(refusal(std::string("0 0 * * *\0", 10)),
            "crontab holds the byte 0x00; only printable ascii in one line is allowed");
}

TEST(Cron, refuses_what_never_elapses) {
  const struct {
    std::string_view crontab, reason;
  } cases[] = {
      {"0 0 31 2 *", "month \"2\" has no day of month \"31\""},
      {"0 0 30 feb *", "month \"feb\" has no day of month \"30\""},
      {"0 0 31 4,6,9,11 *", "month \"4,6,9,11\" has no day of month \"31\""},
      {"0 0 29 2 * 2027", "month \"2\" has no day of month \"29\" in year \"2027\""},
      {"0 0 29 2 * 2100", "month \"2\" has no day of month \"29\" in year \"2100\""},
      {"0 0 29 2 */7 2028", "month \"2\" has no day of month \"29\" on day of week \"*/7\" in year \"2028\""},
  };
  for (const auto& [crontab, reason] : cases) {
    EXPECT_EQ(refusal(crontab), "crontab never elapses: " + std::string(reason));
  }
}

TEST(Cron, refuses_time_zones_that_are_no_names) {
  for (const std::string_view zone :
       {"Europe/Berlin\n", "Europe Berlin", "../../etc/passwd", "/etc/localtime", "Europe/", "Europe//Berlin",
        "%h", "+01", "Z\xc3\xbcrich"}) {
    EXPECT_TRUE(refusal("0 0 * * *", zone).starts_with("time zone")) << zone;
    EXPECT_FALSE(calendar_with_zone("daily", zone)) << zone;
  }
  EXPECT_EQ(refusal("0 0 * * *", "Europe Berlin"),
            "time zone \"Europe Berlin\" is not a name like Europe/Berlin or UTC");
  EXPECT_EQ(refusal("0 0 * * *", "a\nb"), "time zone given is not a name like Europe/Berlin or UTC");
}

TEST(OnCalendar, gets_the_zone_unless_it_names_one) {
  const struct {
    std::string_view expression, zone, result;
  } cases[] = {
      {"daily", "", "daily"},
      {" daily ", "Europe/Berlin", "daily Europe/Berlin"},
      {"daily UTC", "Europe/Berlin", "daily UTC"},
      {"Mon..Fri", "Europe/Berlin", "Mon..Fri Europe/Berlin"},
      {"Sat,Sun 12..14:10,20,30", "Europe/Berlin", "Sat,Sun 12..14:10,20,30 Europe/Berlin"},
      {"*-*~01\t03:00", "Asia/Tokyo", "*-*~01 03:00 Asia/Tokyo"},
      {"Mon *-05~07/1", "UTC", "Mon *-05~07/1 UTC"},
      {"*:0/5", "Europe/Berlin", "*:0/5 Europe/Berlin"},
      {"03:00 America/New_York", "Europe/Berlin", "03:00 America/New_York"},
      {"03:00 CET", "", "03:00 Europe/Brussels"},
      {"03:00", "CET", "03:00 Europe/Brussels"},
  };
  for (const auto& [expression, zone, result] : cases)
    EXPECT_EQ(calendar_with_zone(expression, zone).value(), result);
}

TEST(OnCalendar, refuses_what_does_not_fit_a_line_of_a_unit_file) {
  const struct {
    std::string_view expression, message;
  } cases[] = {
      {"", "calendar expression is empty"},
      {"daily\nExecStart=/bin/sh",
       "calendar expression holds the byte 0x0a; only printable ascii in one line is allowed"},
      {"daily\x7f", "calendar expression holds the byte 0x7f; only printable ascii in one line is allowed"},
      {"daily \\",
       "calendar expression \"daily \\\" holds \"\\\"; only letters, digits, blanks and *.,:/~@_+- are "
       "allowed"},
      {"%H:00",
       "calendar expression \"%H:00\" holds \"%\"; only letters, digits, blanks and *.,:/~@_+- are allowed"},
  };
  for (const auto& [expression, message] : cases) {
    const auto result = calendar_with_zone(expression, "");
    ASSERT_FALSE(result) << expression;
    EXPECT_EQ(result.error().code, ErrorCode::invalid_schedule);
    EXPECT_EQ(result.error().message, message);
  }
  EXPECT_FALSE(calendar_with_zone(std::string(257, '*'), ""));
}

TEST(TimeSpan, is_read_as_systemd_does) {
  const struct {
    std::string_view text;
    long seconds;
  } cases[] = {
      {"0", 0},
      {"90", 90},
      {"10min", 600},
      {"1h 30min", 5400},
      {"1h30m", 5400},
      {" 2d ", 172'800},
      {"2 days", 172'800},
      {"1w 1hr", 608'400},
      {"3 weeks", 1'814'400},
      {"5 s 5", 10},
      {"1 minute", 60},
      {"2hours", 7200},
      {"1 second 2sec 3seconds", 6},
  };
  for (const auto& [text, seconds] : cases) {
    const auto span = parse_time_span(text);
    ASSERT_TRUE(span) << text << ": " << span.error().message;
    EXPECT_EQ(span->count(), seconds) << text;
  }
}

TEST(TimeSpan, refuses_other_units_fractions_and_signs) {
  const struct {
    std::string_view text, message;
  } cases[] = {
      {"", "time span is empty"},
      {"10x", "time span \"10x\": \"10x\" is not a whole number of s, min, h, d or w"},
      {"10ms", "time span \"10ms\": \"10ms\" is not a whole number of s, min, h, d or w"},
      {"1M", "time span \"1M\": \"1M\" is not a whole number of s, min, h, d or w"},
      {"1.5h", "time span \"1.5h\": \"1.\" is not a whole number of s, min, h, d or w"},
      {"-5min", "time span \"-5min\": \"-\" is not a whole number of s, min, h, d or w"},
      {"infinity", "time span \"infinity\": \"infinity\" is not a whole number of s, min, h, d or w"},
      {"999999999w", "time span \"999999999w\" is longer than 100 years"},
      {"99999999999999999999", "time span \"99999999999999999999\" is longer than 100 years"},
      {"5\n", "time span holds the byte 0x0a; only printable ascii in one line is allowed"},
  };
  for (const auto& [text, message] : cases) {
    const auto span = parse_time_span(text);
    ASSERT_FALSE(span) << text;
    EXPECT_EQ(span.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(span.error().message, message);
  }
}

}  // namespace
}  // namespace cyborg
