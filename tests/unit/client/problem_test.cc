// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/problem.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "unit/json_text.h"

namespace cyborg::client {
namespace {

using test::json;

// kind: text, one per line.
std::string judged(const std::vector<Problem>& problems) {
  std::string result;
  for (const auto& problem : problems)
    result += std::string(to_string(problem.kind)) + ": " + problem.text + "\n";
  return result;
}

// A row of GetFleetStatus without problems, changed by these values.
Json::Value backup(const std::string& changes) {
  auto row =
      json(R"({"policy": "etc", "client": "web", "repository": "vault", "last_success": 1795376000000000,
    "last_end": 1795376000000000, "last_end_job": 12, "last_end_state": "successful", "last_end_reason": "",
    "last_verify_state": "", "last_verify_job": 0, "last_verify_reason": "", "late": false, "unusable": ""})");
  const auto other = json(changes);
  for (const auto& key : other.getMemberNames()) row[key] = other[key];
  return row;
}

Json::Value repository(const std::string& changes) {
  auto row = json(R"({"repository": "vault", "client": "web", "damaged": 0, "damaged_job": 0, "missing": 0,
    "foreign": 2, "late": [], "check_state": "successful", "prune_state": "", "compact_state": "warning",
    "verify_state": "failed"})");
  const auto other = json(changes);
  for (const auto& key : other.getMemberNames()) row[key] = other[key];
  return row;
}

class ProblemTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST_F(ProblemTest, WhatIsWrongWithABackup) {
  struct Row {
    const char* changes;
    const char* expected;
  };
  for (
      const auto& [changes, expected] : {
          Row{"{}", ""},
          Row{R"({"last_end_state": "warning", "last_end_reason": "a file changed"})", ""},
          Row{R"({"last_end_state": "canceled", "last_end_reason": "canceled by uid 0"})", ""},
          Row{R"({"last_end_state": "failed", "last_end_reason": "connection refused"})",
              "failed: web, policy etc to vault: backup failed (job 12): connection refused\n"},
          Row{R"({"last_end_state": "error", "last_end_reason": "no\nsecret"})",
              "failed: web, policy etc to vault: backup could not run (job 12): no\\nsecret\n"},
          Row{R"({"last_end_state": "skipped", "last_end_reason": ""})",
              "failed: web, policy etc to vault: backup was skipped (job 12)\n"},
          Row{R"({"last_success": 0, "last_end": 0, "last_end_state": ""})",
              "unprotected: web, policy etc to vault: no backup has ever succeeded\n"},
          Row{R"({"late": true})",
              "late: web, policy etc to vault: backup is late, the last was Sun 2026-11-22 19:33:20 UTC\n"},
          Row{R"({"last_verify_state": "failed", "last_verify_job": 14, "last_verify_reason": "hosts is not the same"})",
              "unproven: web, policy etc to vault: verification failed (job 14): hosts is not the same\n"},
          // The most severe first.
          Row{R"({"late": true, "last_success": 0, "last_end_state": "failed", "last_end_reason": "x",
                   "last_verify_state": "error", "last_verify_job": 3})",
              "failed: web, policy etc to vault: backup failed (job 12): x\n"
              "unprotected: web, policy etc to vault: no backup has ever succeeded\n"
              "unproven: web, policy etc to vault: verification could not run (job 3)\n"
              "late: web, policy etc to vault: backup is late, the last was Thu 1970-01-01 00:00:00 UTC\n"},
      }) {
    EXPECT_EQ(judged(backup_problems(backup(changes))), expected) << changes;
  }
}

TEST_F(ProblemTest, WhatIsWrongWithARepository) {
  struct Row {
    const char* changes;
    const char* expected;
  };
  for (const auto& [changes, expected] : {
           Row{"{}", ""},
           Row{R"({"damaged": 1795376000000000, "damaged_job": 9})",
               "damaged: repository vault of web: damaged, as job 9 found Sun 2026-11-22 19:33:20 UTC\n"},
           Row{R"({"missing": 2, "client": ""})",
               "missing: repository vault: 2 archives are missing that it should have\n"},
           Row{R"({"prune_state": "failed", "prune_job": 7, "prune_reason": "locked"})",
               "upkeep: repository vault of web: prune failed (job 7): locked\n"},
           Row{R"({"prune_state": "skipped", "prune_job": 7})", ""},
           Row{R"({"late": ["check", "prune of policy etc on web"]})",
               "overdue: repository vault of web: check is overdue\n"
               "overdue: repository vault of web: prune of policy etc on web is overdue\n"},
       }) {
    EXPECT_EQ(judged(repository_problems(repository(changes))), expected) << changes;
  }
}

TEST_F(ProblemTest, AKeyIsTheProblemsOwnAndStays) {
  const auto key = [](const char* changes) { return backup_problems(backup(changes)).at(0).key(); };
  EXPECT_EQ(key(R"({"last_end_state": "failed", "last_end_reason": "a", "last_end_job": 1})"),
            key(R"({"last_end_state": "error", "last_end_reason": "b", "last_end_job": 2})"));
  EXPECT_NE(key(R"({"late": true})"), key(R"({"last_end_state": "failed"})"));
  EXPECT_NE(key(R"({"late": true})"), key(R"({"late": true, "client": "db"})"));
  const auto two = repository_problems(repository(R"({"late": ["check", "compact"]})"));
  EXPECT_NE(two.at(0).key(), two.at(1).key());
}

TEST_F(ProblemTest, WhatWasNeverTriedIsInNoHurry) {
  EXPECT_TRUE(
      backup_problems(backup(R"({"last_success": 0, "last_end": 0, "last_end_state": ""})")).at(0).fresh);
  for (const auto& problem : backup_problems(backup(R"({"last_success": 0, "last_end_state": "failed"})")))
    EXPECT_FALSE(problem.fresh) << problem.text;
}

TEST_F(ProblemTest, OfAllTheWorstIsFirst) {
  auto status = json(R"({"database_state": "available", "fleet": [], "repositories": []})");
  EXPECT_TRUE(problems_of(status).empty());
  EXPECT_TRUE(is_complete(status));
  status["fleet"].append(backup(R"({"late": true})"));
  status["fleet"].append(backup(R"({"last_end_state": "failed", "client": "db"})"));
  status["repositories"].append(repository(R"({"damaged": 1, "damaged_job": 2})"));
  const auto problems = problems_of(status);
  ASSERT_EQ(problems.size(), 3U);
  EXPECT_EQ(problems.at(0).kind, ProblemKind::damaged);
  EXPECT_EQ(problems.at(1).client, "db");
  EXPECT_EQ(count_problems(problems).at(ProblemKind::late), 1U);
  EXPECT_EQ(count_problems(problems).at(ProblemKind::missing), 0U);
}

TEST_F(ProblemTest, ThatNobodyAnswersIsOneToo) {
  const auto away = json(R"({"unreachable": "cyborgd cannot be reached: no such name"})");
  EXPECT_EQ(judged(problems_of(away)), "unreachable: cyborgd cannot be reached: no such name\n");
  EXPECT_FALSE(is_complete(away));
  const auto blind = json(R"({"database_state": "PostgreSQL: connection refused", "version": "1"})");
  EXPECT_EQ(judged(problems_of(blind)),
            "database: cyborgd has no database: PostgreSQL: connection refused\n");
  EXPECT_FALSE(is_complete(blind));
}

TEST_F(ProblemTest, AReasonIsNoLongerThanAPersonReads) {
  auto row = backup(R"({"last_end_state": "failed"})");
  row["last_end_reason"] = std::string(5000, 'x');
  EXPECT_LT(backup_problems(row).at(0).text.size(), 500U);
}

}  // namespace
}  // namespace cyborg::client
