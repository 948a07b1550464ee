// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "client/format/records.h"
#include "unit/json_text.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kDay = 86'400 * std::uint64_t{1'000'000};
constexpr std::uint64_t kNow = 1'795'376'000 * std::uint64_t{1'000'000};  // Sun 2026-11-22 19:33:20 UTC

using test::json;

Json::Value job(std::uint64_t id, const std::string& kind, const std::string& state, std::uint64_t finished,
                const std::string& reason = "") {
  Json::Value record{Json::objectValue};
  record["id"] = Json::UInt64(id);
  record["kind"] = kind;
  record["state"] = state;
  record["policy"] = "etc";
  record["client"] = "web";
  record["repository"] = "vault";
  record["reason"] = reason;
  record["finished"] = Json::UInt64(finished);
  return record;
}

Json::Value archive(std::uint64_t of, const std::string& client, std::uint64_t original,
                    std::uint64_t fresh) {
  Json::Value record{Json::objectValue};
  record["job"] = Json::UInt64(of);
  record["policy"] = "etc";
  record["client"] = client;
  record["repository"] = "vault";
  record["original_size"] = Json::UInt64(original);
  record["deduplicated_size"] = Json::UInt64(fresh);
  return record;
}

Json::Value status() {
  return json(R"({"version": "1", "database_state": "available",
    "fleet": [{"policy": "etc", "client": "web", "repository": "vault", "last_success": 5, "last_end": 6,
               "last_end_job": 12, "last_end_state": "failed", "last_end_reason": "no route", "late": true}],
    "repositories": [{"repository": "vault", "client": "web", "damaged": 0, "missing": 0, "late": [], "size": 3145728,
                      "size_week_ago": 1048576, "size_month_ago": 4194304}]})");
}

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST_F(ReportTest, SaysTheWorstFirstAndWhatHappened) {
  Happened happened{kNow - kDay, kNow, {}, {}};
  happened.jobs = {job(12, "backup", "failed", kNow - kDay / 2, "no\nroute"),
                   job(11, "backup", "successful", kNow - kDay / 2),
                   job(10, "prune", "successful", kNow - kDay / 2), job(13, "check", "running", 0)};
  // The second one was imported from elsewhere, by a job that is no backup.
  happened.archives = {archive(11, "web", 2048, 1024), archive(10, "web", 5, 5)};
  EXPECT_EQ(report_text(report_of(status(), happened)),
            "web, policy etc to vault: backup failed (job 12): no route (and 1 more)\n"
            "\n"
            "Wrong now:\n"
            "  web, policy etc to vault: backup failed (job 12): no route\n"
            "      cyborgctl job log 12\n"
            "  web, policy etc to vault: backup is late, the last was Thu 1970-01-01 00:00:00 UTC\n"
            "\n"
            "Since Sat 2026-11-21 19:33:20 UTC:\n"
            "  backup: 1 failed, 1 successful\n"
            "  check: 1 running\n"
            "  prune: 1 successful\n"
            "\n"
            "Did not succeed:\n"
            "  backup of web, policy etc: failed: no\\nroute\n"
            "      cyborgctl job log 12\n"
            "\n"
            "1 archive: 2.0 KiB read, 1.0 KiB of it new\n"
            "  1.0 KiB of it by web, policy etc\n"
            "\n"
            "Borg repositories:\n"
            "  vault of web: 3.0 MiB, 2.0 MiB more than a week ago, 1.0 MiB less than 30 days ago\n");
}

TEST_F(ReportTest, SaysSoWhenAllIsWell) {
  auto well = status();
  well["fleet"][0]["late"] = false;
  well["fleet"][0]["last_end_state"] = "successful";
  well["repositories"][0]["size"] = 0;
  EXPECT_EQ(report_text(report_of(well, {kNow - kDay, kNow, {}, {}})),
            "all is well: 1 backup, 1 repository\n\nSince Sat 2026-11-21 19:33:20 UTC:\n  no jobs\n");
}

TEST_F(ReportTest, SaysOnlyThatWhenNobodyAnswers) {
  EXPECT_EQ(report_text(report_of(json(R"({"unreachable": "cyborgd cannot be reached"})"),
                                  {kNow - kDay, kNow, {}, {}})),
            "cyborgd cannot be reached\n\nWrong now:\n  cyborgd cannot be reached\n");
}

TEST_F(ReportTest, HasALineForEachDay) {
  Happened happened{kNow - 3 * kDay, kNow, {}, {}};
  happened.jobs = {job(1, "backup", "successful", kNow - 2 * kDay), job(2, "backup", "warning", kNow),
                   job(3, "backup", "skipped", kNow), job(4, "backup", "canceled", kNow),
                   job(5, "prune", "failed", kNow)};
  happened.archives = {archive(1, "web", 10, 3000), archive(2, "web", 10, 1000)};
  const auto report = report_of(status(), happened);
  ASSERT_EQ(report["days"].size(), 4U);
  EXPECT_EQ(json_text(report["days"][3]),
            json_text(json(R"({"date": "2026-11-22", "successful": 0, "warnings": 1, "failed": 1,
                                         "new_size": 1000})")));
  const auto text = report_text(report);
  EXPECT_NE(text.find("Backups by day:\n"
                      "DAY         SUCCESSFUL  WARNINGS  FAILED  NEW      \n"
                      "2026-11-19  0           0         0       0 B      \n"
                      "2026-11-20  1           0         0       2.9 KiB  ##############################\n"
                      "2026-11-21  0           0         0       0 B      \n"
                      "2026-11-22  0           1         1       1000 B   ##########\n"),
            std::string::npos)
      << text;
}

TEST_F(ReportTest, DaysAreThoseOfTheZoneAlsoWhenClocksChange) {
  setenv("TZ", "Europe/Berlin", 1);
  tzset();
  // From Sat 2026-10-24 00:30 to Mon 2026-10-26 00:30; the clocks went back on Sunday.
  const std::uint64_t since = 1'792'794'600 * std::uint64_t{1'000'000};
  const auto report = report_of(status(), {since, since + 2 * kDay + kDay / 24, {}, {}});
  std::string days;
  for (const auto& day : report["days"]) days += day["date"].asString() + " ";
  EXPECT_EQ(days, "2026-10-24 2026-10-25 2026-10-26 ");
}

TEST_F(ReportTest, ALongListIsCutInTheTextOnly) {
  Happened happened{kNow - kDay, kNow, {}, {}};
  for (std::uint64_t id = 1; id <= 80; ++id) happened.jobs.push_back(job(id, "backup", "failed", kNow));
  const auto report = report_of(status(), happened);
  EXPECT_EQ(report["unsuccessful"].size(), 80U);
  EXPECT_NE(report_text(report).find("\n  and 30 more\n"), std::string::npos);
}

}  // namespace
}  // namespace cyborg::client
