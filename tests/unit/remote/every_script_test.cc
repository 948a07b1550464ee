// SPDX-License-Identifier: GPL-3.0-or-later
// Properties of every composed script.
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "core/quote.h"
#include "remote/client_scripts.h"
#include "unit/remote/every_script.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

class EveryScript : public test::ScriptTest {};

TEST_P(EveryScript, IsUnderstoodByTheShell) {
  for (const auto& [name, text] : test::every_script()) {
    EXPECT_EQ(run_line(shell() + " -n -c " + quote(text) + " 2>" + file("err")), 0) << name << read("err");
  }
}

TEST_P(EveryScript, TellsThatItRuns) {
  // Without any program in PATH that could change something.
  for (const char* name : {"look", "content", "links", "rename", "hashes", "client key", "authorize line"}) {
    run("PATH=; export PATH\n" + test::every_script().at(name));
    EXPECT_TRUE(read("err").starts_with("@cyborg started\n")) << name << read("err");
  }
}

INSTANTIATE_TEST_SUITE_P(Shells, EveryScript, test::kShells, test::shell_name);

// A word of a command line is limited to 128 KiB, which must leave room for the names in the job.
TEST(EveryScriptsText, LeavesRoomOnACommandLine) {
  for (const auto& [name, text] : test::every_script()) {
    EXPECT_LT(script_command(text, "admin").size(), 32U * 1024) << name;
  }
}

TEST(EveryScriptsText, HasNoCommentsAndNoEmptyLines) {
  const std::regex idle{"\n[ \t]*(#[^\n]*)?\n"};
  for (const auto& [name, text] : test::every_script()) EXPECT_FALSE(std::regex_search(text, idle)) << name;
}

}  // namespace
}  // namespace cyborg
