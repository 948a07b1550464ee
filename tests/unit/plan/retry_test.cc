// SPDX-License-Identifier: GPL-3.0-or-later
// Which jobs are retried, when, and how often.
#include "plan/retry.h"

#include <gtest/gtest.h>

#include "plan/plan.h"

namespace cyborg {
namespace {

constexpr Microseconds kSecond = 1'000'000;

Job scheduled_job() {
  Job job;
  job.id = 7;
  job.client = "web";
  job.details["retry"] = true;
  return job;
}

JobResult failed(const char* code) {
  JobResult result;
  result.state = JobState::error;
  result.code = AnyCode{code};
  result.message = "nobody answers";
  return result;
}

TEST(Retry, DelaysGrowUpToTheLongestAndAttemptsEnd) {
  Job job = scheduled_job();
  const RetryPolicy limits{5, std::chrono::seconds{60}, std::chrono::seconds{200}};
  std::vector<Microseconds> delays;
  for (Microseconds now = kSecond;; now += 1000 * kSecond) {
    const auto retry = retry_of(job, failed("connection-refused"), limits, now);
    if (!retry) break;
    delays.push_back((retry->at - now) / kSecond);
    job.details = retry->details;
    EXPECT_EQ(not_before(job), retry->at);
    EXPECT_NE(retry->reason.find("nobody answers"), std::string::npos);
  }
  EXPECT_EQ(delays, (std::vector<Microseconds>{60, 120, 200, 200}));
  EXPECT_EQ(attempt_of(job), 4);
}

TEST(Retry, OnlyCausesThatMayPassAndOnlyWhenNobodyIsThereToSee) {
  for (const char* code :
       {"connection-refused", "connection-timeout", "connection-lost", "repository-locked"})
    EXPECT_TRUE(retry_of(scheduled_job(), failed(code), {}, 0)) << code;
  for (const char* code :
       {"host-key-mismatch", "authentication-failed", "damage", "disk-full", "source-missing",
        "passphrase-wrong", "unknown-host", "interrupted", "hook-failed"})
    EXPECT_FALSE(retry_of(scheduled_job(), failed(code), {}, 0)) << code;
  JobResult canceled = failed("connection-lost");
  canceled.state = JobState::canceled;
  EXPECT_FALSE(retry_of(scheduled_job(), canceled, {}, 0));
  Job by_hand;
  EXPECT_FALSE(retry_of(by_hand, failed("connection-refused"), {}, 0));
}

TEST(Retry, AJobThatWaitsForItsNextAttemptHoldsNothing) {
  Job waits = scheduled_job();
  waits.kind = JobKind::backup;
  waits.state = JobState::pending;
  waits.details["not_before"] = Json::Int64{100};
  Job other = waits;
  other.id = 8;
  other.details = Json::Value{Json::objectValue};
  const Jobs jobs{{7, waits}, {8, other}};
  QueueLimits limits;
  limits.now = 99;
  EXPECT_EQ(decide(jobs, limits).start, std::vector<std::int64_t>{8});
  EXPECT_TRUE(decide(jobs, limits).reasons.empty());
  limits.now = 100;
  EXPECT_EQ(decide(jobs, limits).start, std::vector<std::int64_t>{7});
}

}  // namespace
}  // namespace cyborg
