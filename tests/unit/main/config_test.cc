// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/config.h"

#include <gtest/gtest.h>

#include "unit/json_text.h"

namespace cyborg {
namespace {

using test::contains;

TEST(Config, WithoutALineHasDefaults) {
  for (const char* text : {"", "\n\n", "# nothing\n; here\n", "[cyborgd]\n"}) {
    const auto config = parse_config(text);
    ASSERT_TRUE(config) << text;
    EXPECT_EQ(config->database, "dbname=cyborg host=/run/postgresql");
    EXPECT_FALSE(config->node.empty());
    EXPECT_EQ(config->log_level, "info");
  }
}

TEST(Config, ValuesAreTakenWithoutTheSpaceAroundThem) {
  const auto config = parse_config(
      "# the database\n[cyborgd]\n  Database = host=db dbname=x sslmode=verify-full \r\nNode=backup1\n"
      "LogLevel=debug");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->database, "host=db dbname=x sslmode=verify-full");
  EXPECT_EQ(config->node, "backup1");
  EXPECT_EQ(config->log_level, "debug");
}

TEST(Config, AWrongLineIsNamedWithItsNumber) {
  struct Row {
    const char* text;
    const char* said;
  };
  for (const auto& row : {
           Row{"Database=x\n", "line 1: \"Database=x\": expected KEY=VALUE below [cyborgd]"},
           Row{"\n[other]\n", "line 2: \"[other]\": the only section is [cyborgd]"},
           Row{"[cyborgd]\n\nColour=red\n", "line 3: \"Colour=red\": unknown key"},
           Row{"[cyborgd]\nDatabase\n", "line 2: \"Database\": expected KEY=VALUE"},
           Row{"[cyborgd]\nNode=\n", "line 2: \"Node=\": expected a name"},
           Row{"[cyborgd]\nLogLevel=loud\n", "expected debug, info, warning or error"},
           Row{"[cyborgd]\nLogLevel=\n", "expected debug, info, warning or error"},
           Row{"[cyborgd]\ndatabase=x\n", "unknown key"},
       }) {
    const auto config = parse_config(row.text);
    ASSERT_FALSE(config) << row.text;
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
    EXPECT_TRUE(contains(config.error().message, row.said)) << config.error().message;
  }
}

TEST(Config, AFileThatDoesNotExistIsAnEmptyOne) {
  const auto config = read_config("/nonexistent/cyborgd.conf");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->log_level, "info");
}

TEST(Config, TheOneThatIsShippedIsRight) {
  const auto config = read_config(CYBORG_SOURCE_DIR "/daemon/cyborgd.conf");
  EXPECT_TRUE(config) << config.error().message;
}

}  // namespace
}  // namespace cyborg
