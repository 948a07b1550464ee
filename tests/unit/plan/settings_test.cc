// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/settings.h"

#include <gtest/gtest.h>

#include <set>

#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;

TEST(Settings, TheTableHasUniqueNamesAndDefaultsThatPass) {
  std::set<std::string_view> names;
  for (const auto& info : setting_table()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(info.type == "number" || info.type == "span" || info.type == "size" || info.type == "flag")
        << info.name;
    EXPECT_TRUE(check_setting(info.name, std::string{info.default_value})) << info.name;
    EXPECT_FALSE(info.description.empty());
  }
}

TEST(Settings, AnEmptyValueIsTheDefaultAgain) {
  for (const auto& info : setting_table()) EXPECT_TRUE(check_setting(info.name, ""));
}

TEST(Settings, WhatIsWrongIsNamed) {
  struct Row {
    const char* name;
    const char* value;
    ErrorCode code;
    const char* said;
  };
  for (const auto& row : {
           Row{"colour", "red", ErrorCode::no_such_setting, R"(no setting named "colour")"},
           Row{"", "", ErrorCode::no_such_setting, R"(no setting named "")"},
           Row{"max_jobs", "0", ErrorCode::invalid_argument, R"(max_jobs "0": expected a number in 1-10000)"},
           Row{"max_jobs", "10001", ErrorCode::invalid_argument, R"(max_jobs "10001")"},
           Row{"max_jobs", "-1", ErrorCode::invalid_argument, R"(max_jobs "-1")"},
           Row{"max_jobs", "4 ", ErrorCode::invalid_argument, R"(max_jobs "4 ")"},
           Row{"max_jobs", "four", ErrorCode::invalid_argument, R"(max_jobs "four")"},
           Row{"max_jobs", "99999999999999999999", ErrorCode::invalid_argument, "max_jobs"},
           Row{"job_timeout", "soon", ErrorCode::invalid_argument,
               R"(job_timeout "soon": expected a time span)"},
           Row{"late_after", "-1h", ErrorCode::invalid_argument, R"(late_after "-1h")"},
       }) {
    const auto checked = check_setting(row.name, row.value);
    ASSERT_FALSE(checked) << row.name << row.value;
    EXPECT_EQ(checked.error().code, row.code) << row.name;
    EXPECT_TRUE(contains(checked.error().message, row.said)) << checked.error().message;
  }
}

TEST(Settings, ValuesAreTypedAndFallBackToTheirDefaults) {
  const Settings settings{{"max_jobs", "3"}, {"job_timeout", "0"}, {"late_after", "90min"}};
  EXPECT_EQ(setting_number(settings, "max_jobs"), 3);
  EXPECT_EQ(setting_number(settings, "max_jobs_per_repository_host"), 8);
  EXPECT_EQ(setting_span(settings, "job_timeout").count(), 0);
  EXPECT_EQ(setting_span(settings, "late_after").count(), 5400);
  EXPECT_EQ(setting_span({}, "job_timeout").count(), 24 * 3600);
  EXPECT_EQ(setting_text({}, "recent_jobs"), "10min");
}

}  // namespace
}  // namespace cyborg
