// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/metrics.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "unit/json_text.h"

namespace cyborg::client {
namespace {

using test::json;

// Checks the format strictly: HELP and TYPE of each metric once and before its samples, which are together;
// no labels twice. Returns the samples.
std::set<std::string> samples(const std::string& text) {
  const std::regex help("# HELP ([a-z_]+) [^\\\\]+"), type("# TYPE ([a-z_]+) gauge");
  const std::regex sample(
      "([a-z_]+)(\\{[a-z_]+=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\"(,[a-z_]+=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\")*\\})?"
      " "
      "[0-9]+(\\.[0-9]+)?");
  std::set<std::string> named, found, series;
  std::string current, line;
  std::istringstream lines(text);
  EXPECT_TRUE(text.ends_with('\n'));
  while (std::getline(lines, line)) {
    std::smatch match;
    if (std::regex_match(line, match, help)) {
      current = match[1];
      EXPECT_TRUE(named.insert(current).second) << line;
    } else if (std::regex_match(line, match, type) || std::regex_match(line, match, sample)) {
      EXPECT_EQ(match[1], current);
      if (line[0] == '#') continue;
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
      found.insert(line);
    } else {
      ADD_FAILURE() << line;
    }
  }
  return found;
}

constexpr const char* kStatus = R"({"version": "0.1.0", "database_state": "available", "running_jobs": 2,
  "fleet": [{"policy": "etc", "client": "web", "repository": "vault", "last_success": 1795376000000001, "last_end": 0,
             "last_end_state": "failed", "last_proven": 0, "late": true, "next_elapse": 1795379600000000,
             "original_size": 100, "deduplicated_size": 7, "last_verify_state": "error"}],
  "repositories": [{"repository": "vault", "client": "web", "size": 12345, "damaged": 5, "missing": 2, "foreign": 1,
                    "late": ["check", "prune of policy etc on web", "prune of policy www on web"],
                    "last_check": 1795376000000000, "last_prune": 0}]})";

TEST(Metrics, SayWhatIsKnown) {
  const auto found = samples(metrics_text(json(kStatus)));
  for (const char* expected :
       {"cyborg_up 1", "cyborg_info{version=\"0.1.0\"} 1", "cyborg_database_up 1", "cyborg_running_jobs 2",
        "cyborg_troubles{kind=\"failed\"} 1", "cyborg_troubles{kind=\"unreachable\"} 0",
        "cyborg_troubles{kind=\"overdue\"} 3",
        // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one line in two
        "cyborg_backup_last_success_timestamp_seconds{policy=\"etc\",client=\"web\",repository=\"vault\"} "
        "1795376000.000001",
        "cyborg_backup_last_end_state{policy=\"etc\",client=\"web\",repository=\"vault\",state=\"failed\"} 1",
        "cyborg_backup_late{policy=\"etc\",client=\"web\",repository=\"vault\"} 1",
        "cyborg_backup_verification_failed{policy=\"etc\",client=\"web\",repository=\"vault\"} 1",
        "cyborg_backup_original_size_bytes{policy=\"etc\",client=\"web\",repository=\"vault\"} 100",
        "cyborg_repository_size_bytes{repository=\"vault\",client=\"web\"} 12345",
        "cyborg_repository_damaged{repository=\"vault\",client=\"web\"} 1",
        "cyborg_repository_overdue{repository=\"vault\",client=\"web\",kind=\"prune\"} 2",
        "cyborg_repository_overdue{repository=\"vault\",client=\"web\",kind=\"compact\"} 0",
        "cyborg_repository_missing_archives{repository=\"vault\",client=\"web\"} 2",
        "cyborg_repository_last_check_timestamp_seconds{repository=\"vault\",client=\"web\"} "
        "1795376000.000000"}) {
    EXPECT_TRUE(found.contains(expected)) << expected;
  }
  for (const auto& line : found) {
    EXPECT_EQ(line.find("proven_timestamp"), std::string::npos) << "never is no time: " << line;
    EXPECT_EQ(line.find("last_prune"), std::string::npos) << line;
  }
}

TEST(Metrics, LabelsAreEscapedAndNoSeriesIsThereTwice) {
  auto status = json(kStatus);
  status["version"] = "a\\b\"c\nd";
  status["fleet"].append(status["fleet"][0]);
  status["repositories"].append(status["repositories"][0]);
  EXPECT_TRUE(samples(metrics_text(status)).contains("cyborg_info{version=\"a\\\\b\\\"c\\nd\"} 1"));
}

TEST(Metrics, SayThatNothingIsKnown) {
  const auto down = samples(metrics_text(json(R"({"unreachable": "no"})")));
  EXPECT_TRUE(down.contains("cyborg_up 0"));
  EXPECT_TRUE(down.contains("cyborg_troubles{kind=\"unreachable\"} 1"));
  for (const auto& line : down)
    EXPECT_TRUE(line.starts_with("cyborg_up") || line.starts_with("cyborg_troubles")) << line;
  const auto blind = samples(metrics_text(json(R"({"database_state": "away", "version": "1"})")));
  EXPECT_TRUE(blind.contains("cyborg_up 1"));
  EXPECT_TRUE(blind.contains("cyborg_database_up 0"));
  EXPECT_TRUE(blind.contains("cyborg_troubles{kind=\"database\"} 1"));
}

}  // namespace
}  // namespace cyborg::client
