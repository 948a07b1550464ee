// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/file_pattern.h"

#include <gtest/gtest.h>

namespace cyborg {
namespace {

struct Case {
  const char* text;
  const char* name;
  const char* directory;  // nullptr: any
  bool indexable;
};

TEST(FilePattern, NamesAndPartsOfPaths) {
  for (const auto& [text, name, directory, indexable] :
       {Case{"fstab", "%fstab%", nullptr, true}, Case{"*.conf", "%.conf", nullptr, true},
        Case{"a?c", "a_c", nullptr, false}, Case{"100%_", "%100\\%\\_%", nullptr, true},
        Case{"etc/ng", "ng%", "%etc", false}, Case{"/etc/nginx/", "nginx%", "etc", true},
        Case{"/etc", "etc%", "", true}, Case{"e*/x/*.c", "%.c", "%e%/x", false}}) {
    const auto pattern = parse_file_pattern(text, false);
    ASSERT_TRUE(pattern) << text;
    EXPECT_EQ(pattern->name, name) << text;
    EXPECT_EQ(pattern->directory, directory ? std::optional<std::string>{directory} : std::nullopt) << text;
    EXPECT_EQ(pattern->indexable, indexable) << text;
  }
  for (const char* text : {"", "/", "//"}) EXPECT_FALSE(parse_file_pattern(text, false)) << text;
}

}  // namespace
}  // namespace cyborg
