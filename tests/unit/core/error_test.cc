// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace cyborg {
namespace {

constexpr int kCodes = static_cast<int>(ErrorCode::failed) + 1;

TEST(ErrorTable, HasARowForEachCode) {
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_info(code).code, code) << i;
  }
}

TEST(ErrorTable, NamesAreUniqueAndFound) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodes; ++i) {
    const ErrorInfo& info = error_info(static_cast<ErrorCode>(i));
    EXPECT_TRUE(names.insert(info.bus_name).second) << info.bus_name;
    EXPECT_EQ(find_error_info(info.bus_name), &info);
  }
}

TEST(ErrorTable, NamesAreOursOrTheBusesOwn) {
  for (int i = 0; i < kCodes; ++i) {
    const std::string name{error_info(static_cast<ErrorCode>(i)).bus_name};
    EXPECT_TRUE(name.starts_with("org.cyborgbackup1.Error.") ||
                name.starts_with("org.freedesktop.DBus.Error."))
        << name;
  }
}

TEST(ErrorTable, ExitStatusesAreThoseThatAreDocumented) {
  for (int i = 0; i < kCodes; ++i) {
    const ErrorInfo& info = error_info(static_cast<ErrorCode>(i));
    EXPECT_GE(info.exit_status, 1) << info.bus_name;
    EXPECT_LE(info.exit_status, 5) << info.bus_name;
    if (info.bus_name.find(".NoSuch") != std::string_view::npos) {
      EXPECT_EQ(info.exit_status, 5) << info.bus_name;
    }
  }
}

TEST(ErrorTable, AForeignNameIsNotOurs) {
  EXPECT_EQ(find_error_info("org.freedesktop.DBus.Error.NoReply"), nullptr);
  EXPECT_EQ(find_error_info(""), nullptr);
  EXPECT_EQ(find_error_info("org.cyborgbackup1.Error"), nullptr);
}

TEST(ErrorTable, AValueOutsideOfTheEnumIsAPlainFailure) {
  EXPECT_EQ(error_info(static_cast<ErrorCode>(kCodes + 7)).code, ErrorCode::failed);
}

}  // namespace
}  // namespace cyborg
