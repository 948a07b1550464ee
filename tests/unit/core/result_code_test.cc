// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result_code.h"

#include <gtest/gtest.h>

#include <set>

#include "core/job_spec.h"

namespace cyborg {
namespace {

TEST(ResultCode, HasAWordAnEndingStateAndACause) {
  std::set<std::string> words;
  for (const auto& row : result_codes()) {
    EXPECT_TRUE(words.insert(row.name).second) << row.name;
    EXPECT_TRUE(is_ended(row.state)) << row.name;
    EXPECT_NE(row.state, JobState::skipped) << row.name << ": a skipped job has no result";
    EXPECT_FALSE(row.traits.also.contains(row.state)) << row.name << ": said twice";
    EXPECT_NE(std::string_view{row.cause}, "") << row.name;
    EXPECT_EQ(std::string_view{row.advice}.empty(), row.state == JobState::successful) << row.name;
    EXPECT_EQ(AnyCode{std::string{row.name}}, AnyCode{row.code}) << row.name;
    EXPECT_EQ(AnyCode{row.code}.word(), row.name);
    EXPECT_EQ(make_result(row.code, "").state, row.state) << row.name;
  }
}

TEST(ResultCode, OnlyWhatDidNotWorkMayPass) {
  for (const auto& row : result_codes()) {
    if (row.traits.passes) {
      EXPECT_TRUE(is_bad(row.state)) << row.name;
    }
    if (row.traits.damage != Damage::none) {
      EXPECT_TRUE(is_bad(row.state)) << row.name;
    }
    // A job that may have changed something is not begun anew by itself.
    if (row.traits.outcome_unknown) {
      EXPECT_FALSE(row.traits.passes) << row.name;
    }
  }
}

TEST(ResultCode, OfAnotherVersionIsKeptAsItIs) {
  JobResult result = make_result(AnyCode{"cosmic-ray"}, "a bit was flipped");
  EXPECT_EQ(result.state, JobState::failed) << "what is not known is not good";
  EXPECT_FALSE(result.code.row());
  EXPECT_FALSE(result.code.traits().passes);
  const auto read = job_result_from_json(to_json(result));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->code.word(), "cosmic-ray");
  EXPECT_EQ(read->code, result.code);
  EXPECT_FALSE(read->code == ResultCode::internal);
  EXPECT_EQ(AnyCode{}.word(), "") << "a job without a result";
}

TEST(ResultCode, ChangesTheEndAndNotTheFacts) {
  JobResult result = make_result(ResultCode::ok, "all is well");
  result.facts["freed"] = "1 GB";
  result.warnings = {"a file vanished"};
  end_as(result, ResultCode::hook_failed, "it broke", JobState::warning);
  EXPECT_EQ(result.state, JobState::warning);
  EXPECT_EQ(result.code, ResultCode::hook_failed);
  EXPECT_EQ(result.message, "it broke");
  EXPECT_EQ(result.facts["freed"], "1 GB");
  EXPECT_EQ(result.warnings.size(), 1U);
}

}  // namespace
}  // namespace cyborg
