// SPDX-License-Identifier: GPL-3.0-or-later
// Compares systemd's interpretation of our calendar expressions with a literal implementation of cron's
// rules, over thousands of generated crontabs: the next 20 elapses, from times close to changes of summer
// time and to month and year ends.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/calendar.h"
#include "unit/core/plain_cron.h"

namespace cyborg::test {
namespace {

constexpr std::uint32_t kSeed = 20'240'331;
constexpr int kGroups = 100;
constexpr int kCrontabsPerGroup = 30;  // a group shares a zone and a base, and so one call of systemd-analyze

// Common zones, and zones that change at midnight or by half an hour, have no summer time, or skipped a day.
constexpr std::array kZones{"UTC",
                            "Europe/Berlin",
                            "Europe/London",
                            "America/New_York",
                            "America/Sao_Paulo",
                            "Australia/Lord_Howe",
                            "Asia/Kathmandu",
                            "Europe/Moscow",
                            "America/Caracas",
                            "America/Havana",
                            "Asia/Beirut",
                            "Pacific/Apia"};
// Zones for which the tz database has a winter time that is behind the standard time, instead of a summer
// time.
constexpr std::array kNegativeZones{"Europe/Dublin", "Africa/Casablanca"};

void set_zone(const std::string& zone) {
  ::setenv("TZ", zone.c_str(), 1);
  ::tzset();
}

std::string show(time_t when) {
  tm utc{};
  ::gmtime_r(&when, &utc);
  std::array<char, 32> text{};
  (void)::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
  return text.data();
}

// --- systemd ---

struct Query {
  std::string zone;  // the server's
  time_t base = 0;
  std::vector<std::string> expressions;
};

// Starts the real tool, which runs in parallel.
FILE* start_systemd_analyze(const Query& query) {
  std::string command =
      fmt::format("TZ='{}' LC_ALL=C systemd-analyze calendar --iterations={} --base-time='{}'", query.zone,
                  kElapses, show(query.base));
  for (const std::string& expression : query.expressions) command += fmt::format(" '{}'", expression);
  return ::popen((command + " 2>&1").c_str(), "re");
}

// The time in a line such as "       Iter. #2: Sun 2024-03-31 01:30:00 UTC", which also exists in local time
// unless that is UTC.
bool parse_elapse(const std::string& line, time_t& when) {
  if (!line.ends_with(" UTC\n") || line.contains(" form: ")) return false;
  tm utc{};
  const char* end = ::strptime(line.c_str() + line.find(": ") + 2, "%a %Y-%m-%d %H:%M:%S", &utc);
  when = ::timegm(&utc);
  return end != nullptr;
}

// One list per expression.
std::vector<std::vector<time_t>> finish_systemd_analyze(FILE* pipe, std::string& everything) {
  std::vector<std::vector<time_t>> result;
  std::array<char, 1024> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr) {
    const std::string line = buffer.data();
    everything += line;
    time_t when = 0;
    if (line.starts_with("Normalized form:")) {
      result.emplace_back();
    } else if (!result.empty() && parse_elapse(line, when)) {
      result.back().push_back(when);
    }
  }
  if (::pclose(pipe) != 0) result.clear();
  return result;
}

// --- generated cases ---

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  int between(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool one_in(int n) { return between(1, n) == 1; }

  std::string crontab() {
    std::string result = field(0, 59, {}, 4);
    result += ' ' + field(0, 23, {}, 3);
    result += ' ' + field(1, 31, {}, 2);
    result +=
        ' ' +
        field(1, 12, {"jan", "Feb", "mar", "apr", "MAY", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}, 2);
    result += ' ' + field(0, 7, {"sun", "mon", "TUE", "wed", "thu", "Fri", "sat"}, 2);
    if (one_in(8)) result += ' ' + field(2010, 2045, {}, 3);
    return result;
  }

  // Close to a change of the clock if the zone has one soon, to the end of a month, or anywhere; whole
  // minutes and others.
  time_t base() {
    tm start{};
    start.tm_year = between(2005, 2032) - 1900;
    start.tm_mon = between(0, 11);
    start.tm_mday = one_in(3) ? 0 : between(1, 31);
    time_t when = ::timegm(&start);
    if (!one_in(4)) {
      const time_t limit = when + 400 * kDaySeconds;
      const time_t offset = offset_at(when);
      time_t change = when;
      while (change < limit && offset_at(change) == offset) change += 15 * kMinuteSeconds;
      if (change < limit) when = change + between(-2, 0) * (one_in(2) ? kDaySeconds : 0);
    }
    return when + between(-180, 120) * kMinuteSeconds + (one_in(2) ? 0 : between(0, 59));
  }

 private:
  using Values = std::vector<std::string>;

  // `plain`: how often of ten it is an asterisk.
  std::string field(int low, int high, const Values& names, int plain) {
    if (between(1, 10) <= plain) return "*";
    std::string result = item(low, high, names);
    for (int more = one_in(3) ? between(1, 3) : 0; more > 0; --more) result += ',' + item(low, high, names);
    return result;
  }

  std::string item(int low, int high, const Values& names) {
    const int turn = high == 7 ? 7 : std::min(high - low + 1, 60);
    int first = between(low, high);
    int last = between(low, high);
    if (first > last) std::swap(first, last);
    switch (between(1, 10)) {
      case 1:
      case 2:
        return fmt::format("*/{}", between(1, turn));
      case 3:
        return fmt::format("{}/{}", value(first, low, names), between(1, turn));
      case 4:
        return fmt::format("{}-{}/{}", value(first, low, names), value(last, low, names), between(1, turn));
      case 5:
      case 6:
        return fmt::format("{}-{}", value(first, low, names), value(last, low, names));
      case 7:  // where months end, and clocks change
        return value(high == 31 ? between(28, 31) : high == 23 ? between(0, 4) : first, low, names);
      default:
        return value(first, low, names);
    }
  }

  std::string value(int value, int low, const Values& names) {
    if (names.empty() || one_in(2)) return std::to_string(value);
    const auto index = static_cast<std::size_t>(value - low);
    return names[index % names.size()];
  }

  std::mt19937 random_;
};

// A range such as 0-sun or mon-0, with a name for one end: these few are refused, and tested elsewhere.
bool runs_backwards(const Error& error) {
  return error.message.contains("runs backwards");
}

// Crontabs with the same server zone and base; each has one expression or two, in the order of the query.
struct Group {
  Query query;
  std::vector<std::string> crontabs;
  std::vector<std::size_t> lines;
};

void add_crontab(Group& group, const std::string& crontab, const std::string& zone) {
  const auto lines = cron_to_calendar(crontab, zone);
  if (!lines && runs_backwards(lines.error())) return;
  ASSERT_EQ(lines.has_value(), elapses_some_day(PlainCron(crontab)))
      << crontab << (lines ? "" : ": " + lines.error().message);
  if (!lines) return;
  group.crontabs.push_back(crontab);
  group.lines.push_back(lines->size());
  group.query.expressions.insert(group.query.expressions.end(), lines->begin(), lines->end());
}

std::string show_all(const std::vector<time_t>& elapses) {
  std::string result;
  for (const time_t when : elapses) result += "  " + show(when) + "\n";
  return result;
}

// The first elapses of the union of several expressions.
std::vector<time_t> united(std::span<const std::vector<time_t>> lists) {
  std::vector<time_t> result;
  for (const auto& list : lists) result.insert(result.end(), list.begin(), list.end());
  std::ranges::sort(result);
  result.erase(std::ranges::unique(result).begin(), result.end());
  if (result.size() > kElapses) result.resize(kElapses);
  return result;
}

struct Answers {
  std::vector<time_t> systemd;
  std::vector<time_t> cron;
};

// Both answers for each crontab; none if systemd-analyze fails. `zone` is the one that counts; the server's
// differs if the expressions name theirs.
std::vector<Answers> ask(const Group& group, const std::string& zone) {
  FILE* pipe = start_systemd_analyze(group.query);
  if (pipe == nullptr) return {};
  set_zone(zone);
  std::vector<Answers> result;
  for (const std::string& crontab : group.crontabs) {
    result.push_back({{}, plain_elapses(PlainCron(crontab), group.query.base)});
  }
  std::string output;
  const auto elapses = finish_systemd_analyze(pipe, output);
  if (elapses.size() != group.query.expressions.size()) {
    ADD_FAILURE() << "systemd-analyze is missing or refuses an expression; it says:\n" << output;
    return {};
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].systemd = united(std::span(elapses).subspan(next, group.lines[i]));
    next += group.lines[i];
  }
  return result;
}

void compare(const Group& group, const std::string& zone) {
  const auto answers = ask(group, zone);
  ASSERT_EQ(answers.size(), group.crontabs.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].systemd, answers[i].cron)
        << group.crontabs[i] << " in " << zone << " from " << show(group.query.base) << "\nby systemd:\n"
        << show_all(answers[i].systemd) << "by cron's rules:\n"
        << show_all(answers[i].cron) << "seed " << kSeed;
  }
}

class CalendarProperty : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* zone = ::getenv("TZ")) zone_before_ = std::make_unique<std::string>(zone);
    ASSERT_EQ(std::system("systemd-analyze --version >/dev/null 2>&1"), 0)
        << "systemd-analyze does not work here; it comes with the package systemd, and this test is nothing "
           "without it";
  }
  void TearDown() override {
    if (zone_before_) {
      set_zone(*zone_before_);
    } else {
      ::unsetenv("TZ");
      ::tzset();
    }
  }

 private:
  std::unique_ptr<std::string> zone_before_;
};

TEST_F(CalendarProperty, elapses_of_generated_crontabs_are_those_of_cron_in_the_servers_zone) {
  Generator generator(kSeed);
  std::size_t compared = 0;
  for (int i = 0; i < kGroups && !HasFailure(); ++i) {
    const std::string zone = kZones[static_cast<std::size_t>(i) % kZones.size()];
    set_zone(zone);
    Group group{{zone, generator.base(), {}}, {}, {}};
    for (int j = 0; j < kCrontabsPerGroup; ++j) add_crontab(group, generator.crontab(), "");
    compare(group, zone);
    compared += group.crontabs.size();
  }
  EXPECT_GE(compared, 2500U) << "the generator draws too many crontabs that are refused";
}

// Fewer cases, since systemd-analyze forks for every elapse of an expression with a zone.
TEST_F(CalendarProperty, elapses_of_generated_crontabs_are_those_of_cron_in_a_zone_of_their_own) {
  Generator generator(kSeed + 1);
  for (const std::string zone : kZones) {
    set_zone(zone);
    const std::string server = zone == "Europe/Berlin" ? "America/New_York" : "Europe/Berlin";
    Group group{{server, generator.base(), {}}, {}, {}};
    for (int j = 0; j < 15; ++j) add_crontab(group, generator.crontab(), zone);
    compare(group, zone);
  }
}

// systemd 252 has a bug there (fixed in 258, pull request 36897): a search that reaches the skipped hour may
// skip the rest of that day, or of a month. The elapses that it finds are right, and few are missing.
TEST_F(CalendarProperty, no_elapse_is_made_up_and_few_are_lost_where_winter_time_is_the_one_that_is_set) {
  Generator generator(kSeed + 2);
  int same = 0;
  int all = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string zone = kNegativeZones[static_cast<std::size_t>(i) % kNegativeZones.size()];
    set_zone(zone);
    Group group{{zone, generator.base(), {}}, {}, {}};
    for (int j = 0; j < kCrontabsPerGroup; ++j) add_crontab(group, generator.crontab(), "");
    const auto answers = ask(group, zone);
    for (std::size_t k = 0; k < answers.size(); ++k, ++all) {
      if (answers[k].systemd == answers[k].cron) ++same;
      const PlainCron cron(group.crontabs[k]);
      for (const time_t when : answers[k].systemd) {
        const tm local = broken_down(when + offset_at(when));
        EXPECT_TRUE(cron.matches_day(local) && cron.matches_time(local))
            << group.crontabs[k] << " in " << zone << " at " << show(when) << ", seed " << kSeed;
      }
    }
  }
  EXPECT_GE(all, 500);
  EXPECT_GE(same * 100, all * 98) << same << " of " << all << " agree";
}

// Named cases that the generator should also produce: they stay when it changes.
TEST_F(CalendarProperty, corner_cases_are_those_of_cron) {
  const struct {
    const char* zone;
    const char* base;
    const char* crontab;
  } cases[] = {
      {"Europe/Berlin", "2024-03-30 12:00:00", "30 2 * * *"},          // skipped on the 31st
      {"Europe/Berlin", "2024-03-30 12:00:00", "*/20 1-3 * * *"},      // minutes around the gap
      {"Europe/Berlin", "2024-10-26 12:00:00", "30 2 * * *"},          // comes twice, elapses once
      {"Europe/Berlin", "2024-10-26 23:00:00", "0 * * * *"},           // no elapse in the second pass
      {"Europe/Berlin", "2024-10-27 00:45:00", "*/10 * * * *"},        // base in the first pass
      {"Europe/Berlin", "2024-10-27 01:15:00", "*/10 * * * *"},        // base in the second pass
      {"Australia/Lord_Howe", "2024-04-06 12:00:00", "*/10 * * * *"},  // set back by half an hour
      {"Australia/Lord_Howe", "2024-10-05 12:00:00", "*/10 * * * *"},
      {"America/Sao_Paulo", "2018-11-03 00:00:00", "0 0 * * *"},  // a day that begins at 01:00
      {"America/Sao_Paulo", "2019-02-16 00:00:00", "*/30 * * * *"},
      {"Pacific/Apia", "2011-12-29 00:00:00", "0 */6 * * *"},  // a day that never was
      {"UTC", "2024-02-27 00:00:00", "0 0 29 2 *"},
      {"UTC", "2096-02-28 00:00:00", "0 0 29 2 *"},  // 2100 is no leap year
      {"UTC", "2024-01-30 00:00:00", "59 23 31 * *"},
      {"UTC", "2024-12-31 23:58:00", "* * * * *"},
      {"UTC", "2024-01-01 00:00:00", "0 0 29 2 */7"},
      {"UTC", "2024-01-01 00:00:00", "0 0 13 * fri"},
      {"UTC", "2024-01-01 00:00:00", "0 0 */13 * fri"},
      {"UTC", "2024-01-01 00:00:00", "0 0 1 1 * 2030-2199/50"},
  };
  for (const auto& [zone, base, crontab] : cases) {
    tm utc{};
    ASSERT_NE(::strptime(base, "%Y-%m-%d %H:%M:%S", &utc), nullptr);
    Group group{{zone, ::timegm(&utc), {}}, {}, {}};
    add_crontab(group, crontab, "");
    compare(group, zone);
  }
}

// Why such a zone is replaced: on a server in Berlin, "12:00 CET" finds no elapse from a day in summer.
TEST_F(CalendarProperty, a_zone_named_like_an_abbreviation_of_the_servers_elapses_in_summer_too) {
  const struct {
    const char* server;
    const char* zone;
  } cases[] = {{"Europe/Berlin", "CET"},
               {"Europe/London", "GMT"},
               {"America/New_York", "EST"},
               {"Europe/Athens", "EET"}};
  for (const auto& [server, zone] : cases) {
    constexpr time_t kJune = 1'718'582'400;
    Group group{{server, kJune, {}}, {}, {}};
    add_crontab(group, "0 12 * * *", zone);
    compare(group, zone);
  }
}

}  // namespace
}  // namespace cyborg::test
