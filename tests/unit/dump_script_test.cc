#include "core/dump_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/quote.h"

namespace cyborg {
namespace {

JobSpec spec(const std::string& type, std::vector<std::string> databases = {}) {
  JobSpec spec;
  spec.client = "web";
  spec.repository_path = "/srv/it's";
  spec.archive = "a";
  spec.dump.type = type;
  spec.dump.databases = std::move(databases);
  spec.dump.user = "us'er";
  spec.dump.host = "$(touch /tmp/never)";
  spec.dump.port = 5433;
  spec.dump.command = "echo 'it''s' \"$HOME\"";
  spec.dump.filename = "f";
  return spec;
}

// What the shell of this machine makes of a part of a script.
class DumpScript : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "dump-script-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  int run(const std::string& script) {
    const std::string line = "PATH=" + quote(directory_.string()) + ":$PATH sh -c " + quote(script) + " >" +
                             quote((directory_ / "out").string()) + " 2>&1 </dev/null";
    return WEXITSTATUS(std::system(line.c_str()));
  }
  void make_tool(const char* name) {
    std::ofstream{directory_ / name} << "#!/bin/sh\n";
    std::filesystem::permissions(directory_ / name, std::filesystem::perms::owner_all);
  }
  std::string out() {
    std::ifstream file{directory_ / "out"};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  std::filesystem::path directory_;
};

// The tool is the one assignment that holds another script.
std::string tool_of(const std::string& script) {
  const auto begin = script.find("TOOL='");
  const auto end = script.find("\nFORM='", begin);
  return script.substr(begin, end - begin) + "\nsh -c \"$TOOL\" dump list\n";
}

TEST_F(DumpScript, EveryScriptIsGoodForThisMachinesShell) {
  for (const char* type : {"mysql", "postgresql", "piped"}) {
    JobSpec one = spec(type, {"a'b"});
    for (const bool local : {false, true}) {
      one.local = local;
      EXPECT_EQ(run("sh -n -c " + quote(dump_script(one, "word"))), 0) << out();
    }
    const std::string tool = tool_of(dump_script(one, "word"));
    EXPECT_EQ(run(tool.substr(0, tool.find("\nsh -c")) + "\nsh -n -c \"$TOOL\""), 0) << out();
  }
}

TEST_F(DumpScript, TheNameOfADatabaseBecomesThatOfAFileReversibly) {
  for (const char* name : {"psql", "pg_dump", "pg_dumpall", "runuser", "id"}) make_tool(name);
  const std::string script = dump_script(
      spec("postgresql", {"shop", "a/b", "sp ace", "it's \"q\"", "100%", "-x.y_Z", "é☃", "$(id)\\"}), "word");
  EXPECT_EQ(run(tool_of(script)), 0);
  EXPECT_EQ(out(),
            "postgresql/globals.sql \n"
            "postgresql/shop.dump shop\n"
            "postgresql/a%2fb.dump a/b\n"
            "postgresql/sp%20ace.dump sp ace\n"
            "postgresql/it%27s%20%22q%22.dump it's \"q\"\n"
            "postgresql/100%25.dump 100%\n"
            "postgresql/-x.y_Z.dump -x.y_Z\n"
            "postgresql/é☃.dump é☃\n"
            "postgresql/%24%28id%29%5c.dump $(id)\\\n");
}

TEST_F(DumpScript, AToolThatIsMissingIsNamed) {
  const std::string script = tool_of(dump_script(spec("postgresql"), "word"));
  EXPECT_NE(run(script.substr(0, script.rfind("\nsh -c")) + "\nPATH=/nowhere /bin/sh -c \"$TOOL\" dump list"),
            0);
  EXPECT_NE(out().find("psql is not installed"), std::string::npos) << out();
}

TEST(DumpSecret, IsWhatTheToolsFileWants) {
  EXPECT_EQ(dump_secret(spec("mysql"), R"(a b\c"d'#$)"), R"(password="a b\\c\"d'#$")");
  EXPECT_EQ(dump_secret(spec("postgresql"), R"(a:b\c d)"), R"(*:*:*:*:a\:b\\c d)");
  EXPECT_EQ(dump_secret(spec("mysql"), ""), "");
  EXPECT_EQ(dump_secret(spec("postgresql"), ""), "");
}

TEST(DumpFailure, NamesTheDatabaseAndTheReason) {
  EXPECT_EQ(dump_failure(spec("mysql"), "dump-failed", "shop", "no such"),
            "database \"shop\" of web could not be saved, so there is no archive: no such");
  EXPECT_EQ(dump_failure(spec("postgresql"), "dump-failed", "", ""),
            "the roles of web could not be saved, so there is no archive: the command gave no reason");
  EXPECT_EQ(dump_failure(spec("piped"), "dump-failed", "-", "x"),
            "the output of the command of web could not be saved, so there is no archive: x");
  EXPECT_EQ(dump_failure(spec("mysql"), "dump-list-failed", "", "x"),
            "the databases of web could not be listed: x");
}

}  // namespace
}  // namespace cyborg
