// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/restore_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "borg/archive_items.h"
#include "core/policy_types.h"
#include "core/quote.h"
#include "remote/load_script.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

namespace fs = std::filesystem;

class RestoreScript : public test::ScriptTest {
 protected:
  void SetUp() override {
    ScriptTest::SetUp();
    fs::create_directory(directory_ / "target");
    spec_.job = 7;
    spec_.client = "web";
    spec_.restore.directory = (directory_ / "target").string();
  }

  int run(const std::string& script, const std::string& input = {}) const {
    return ScriptTest::run(script, {}, input);
  }
  std::string text(const fs::path& path) const { return read(path); }
  void make(const std::string& name) { std::ofstream{directory_ / "target" / name} << name; }

  JobSpec spec_;
};

std::string entry(const std::string& path, char type = '-') {
  ArchiveItem item;
  item.path = path;
  item.type = type;
  return look_entry(item) + '\0';
}

TEST_P(RestoreScript, FindsWhatIsThere) {
  for (const char* name : {"a", "new\nline", "-dash", "bad\xff", "it's $x", "*"}) make(name);
  fs::create_directories(directory_ / "target/dir");
  fs::create_directories(directory_ / "target/was-file");
  fs::create_symlink("nowhere", directory_ / "target/link");
  fs::create_symlink("dir", directory_ / "target/to-dir");
  const std::string input = entry("a") + entry("new\nline") + entry("-dash") + entry("bad?") +
                            entry("it's $x") + entry("*") + entry("gone") + entry("dir", 'd') +
                            entry("was-file") + entry("link", 'l') + entry("to-dir", 'd') +
                            entry("no?dir", 'd');
  ASSERT_EQ(run(look_script(spec_.restore.directory), input), 0) << text(directory_ / "err");
  std::multiset<std::string> found;
  const std::string out = text(directory_ / "out");
  for (std::size_t begin = 0, end = 0; (end = out.find('\0', begin)) != std::string::npos; begin = end + 1) {
    found.insert(out.substr(begin, end - begin));
  }
  EXPECT_EQ(found, (std::multiset<std::string>{"-./a", "-./new\nline", "-./-dash", "+./bad\xff", "-./it's $x",
                                               "-./*", "d./dir", "-./was-file", "-./link", "-./to-dir"}));
  EXPECT_EQ(run(look_script(spec_.restore.directory + "/none"), input), 0);
  EXPECT_EQ(text(directory_ / "out"), "");
}

TEST_P(RestoreScript, GivesWhatIsInTheWayAnotherName) {
  for (const char* name : {"a", "new\nline", "-dash"}) make(name);
  fs::create_symlink("nowhere", directory_ / "target/link");
  fs::create_directories(directory_ / "target/dir/sub");
  const std::string input{"./a\0./new\nline\0./-dash\0./link\0./dir\0./gone\0", 43};
  ASSERT_EQ(run(rename_script(spec_), input), 0) << text(directory_ / "err");
  for (const char* name : {"a", "new\nline", "-dash"}) {
    EXPECT_EQ(text(directory_ / "target" / (name + rename_suffix(spec_))), name);
    EXPECT_EQ(text(directory_ / "target" / name), name);  // until borg replaces it
  }
  EXPECT_TRUE(fs::is_symlink(directory_ / "target/link.before-restore-7"));
  EXPECT_TRUE(fs::is_directory(directory_ / "target/dir.before-restore-7/sub"));
  // A second time the names are taken.
  EXPECT_EQ(run(rename_script(spec_), std::string{"./a\0", 4}), 99);
  EXPECT_NE(text(directory_ / "err").find("rename-failed"), std::string::npos);
}

TEST_P(RestoreScript, IsGoodForTheShell) {
  spec_.repository_path = "/srv/it's";
  spec_.archive = "a";
  spec_.dump.values["user"] = {"us'er"};
  for (const char* type : {"mysql", "postgresql"}) {
    spec_.dump.type = parse_policy_type(type);
    for (const bool local : {false, true}) {
      spec_.local = local;
      for (const auto& script :
           {load_script(spec_, "word", {"it's", "b`\"", 1}), load_script(spec_, "word", {"", "", 0}),
            database_look_script(spec_, {"a", "a", 0}), upload_script(spec_),
            restore_script(spec_, "word", true)}) {
        EXPECT_EQ(run("sh -n -c " + quote(script)), 0) << text(directory_ / "err");
      }
    }
    const std::string script = load_script(spec_, "word", {"it's", "b`\"", 1});
    const auto begin = script.find("TOOL='");
    const auto end = script.find("\nFORM='", begin);
    EXPECT_EQ(run(script.substr(begin, end - begin) + "\nsh -n -c \"$TOOL\""), 0) << text(directory_ / "err");
  }
}

TEST(LoadFailure, SaysWhatToDo) {
  JobSpec spec;
  spec.client = "web";
  spec.dump.type = PolicyType::postgresql;
  const Load load{"shop", "copy", 0};
  EXPECT_EQ(load_failure(spec, load, ResultCode::database_exists, ""),
            "database \"copy\" is on web and not empty, so it was not touched: --conflict overwrite replaces "
            "it, and "
            "shop=NEWNAME restores beside it");
  EXPECT_EQ(
      load_failure(spec, load, ResultCode::load_failed, "ERROR: role \"x\" does not exist"),
      "database \"shop\" as \"copy\" could not be loaded on web: ERROR: role \"x\" does not exist; --globals "
      "restores the roles first");
  EXPECT_EQ(load_failure(spec, {"", "", 0}, ResultCode::load_failed, ""),
            "the roles could not be loaded on web: the server's tool gave no reason");
}

INSTANTIATE_TEST_SUITE_P(Shells, RestoreScript, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
