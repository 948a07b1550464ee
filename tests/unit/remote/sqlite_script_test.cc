// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts of the type sqlite, run by this machine's shell with a real sqlite3.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "core/policy_types.h"
#include "core/quote.h"
#include "remote/dump_script.h"
#include "remote/load_script.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

namespace fs = std::filesystem;

// The tool is the one assignment that holds another script.
std::string tool_of(const std::string& script) {
  const auto begin = script.find("TOOL='");
  return script.substr(begin, script.find("\nFORM='", begin) - begin) + "\n";
}

class SqliteScript : public test::ScriptTest {
 protected:
  void SetUp() override {
    ScriptTest::SetUp();
    fs::create_directory(directory_ / "copies");
    ASSERT_EQ(run("sqlite3 a.db 'pragma journal_mode=wal; create table item(n integer primary key, text);"
                  "insert into item select value, hex(randomblob(200)) from generate_series(1, 20000)'"),
              0)
        << said();
  }

  int run(const std::string& script) const {
    return ScriptTest::run("cd " + quote(directory_.string()) + "\n" + script);
  }
  std::string text(const char* name) const { return read(name); }
  std::string said() const { return read("err"); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::size_t copies() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator{directory_ / "copies"}, {}));
  }

  std::string dump_tool(std::vector<std::string> names) const {
    JobSpec spec;
    spec.client = "web";
    spec.repository_path = "/r";
    spec.archive = "a";
    spec.dump.type = PolicyType::sqlite;
    spec.dump.values = {{"databases", std::move(names)}, {"copy_folder", {path("copies")}}};
    return tool_of(dump_script(spec, "word"));
  }
  int list(std::vector<std::string> names) const {
    return run(dump_tool(std::move(names)) + "sh -c \"$TOOL\" dump list");
  }
  std::string dump(const std::string& file) const {
    return dump_tool({}) + "sh -c \"$TOOL\" dump dump " + quote(path(file));
  }

  std::string load_tool(const std::string& target, bool overwrite, const Load& of = {}) const {
    JobSpec spec;
    spec.client = "web";
    spec.repository_path = "/r";
    spec.archive = "a";
    spec.dump.type = PolicyType::sqlite;
    spec.restore.conflict = overwrite ? "overwrite" : "fail";
    Load load = of;
    load.name = "/var/lib/a.db";
    load.target = path(target);
    return "export D=" + quote(directory_.string()) + "\n" + tool_of(load_script(spec, "word", load)) +
           "do_() { sh -c \"$TOOL\" load \"$@\"; }\n";
  }
};

TEST_P(SqliteScript, ListsTheFilesThatPathsAndPatternsName) {
  fs::create_directory(directory_ / "sp ace");
  ASSERT_EQ(
      run("sqlite3 'sp ace/b%.db' 'create table t(x)'; cp a.db c.db; echo >c.db-wal; echo >'x[1].db-wal';"
          "cp a.db 'x[1].db'"),
      0);
  ASSERT_EQ(list({path("a.db"), path("*/*.db"), path("[a-c].db*"), path("x[1].db")}), 0) << said();
  const std::string root = path("");
  EXPECT_EQ(text("out"), "sqlite" + root + "a.db " + root + "a.db\n" +                          //
                             "sqlite" + root + "sp%20ace/b%25.db " + root + "sp ace/b%.db\n" +  //
                             "sqlite" + root + "c.db " + root + "c.db\n" +                      //
                             "sqlite" + root + "x%5b1%5d.db " + root + "x[1].db\n");
}

TEST_P(SqliteScript, NamesWhatIsNoDatabase) {
  ASSERT_EQ(run("echo no >no.txt; : >empty.db"), 0);
  struct Row {
    const char* name;
    const char* said;
  };
  for (const auto& row :
       {Row{"none.db", "none.db does not exist"}, Row{"x*.db", "no file matches "},
        Row{"no.txt", "no.txt is no SQLite database"}, Row{"empty.db", "empty.db is no SQLite database"},
        Row{"copies", "copies is no SQLite database"}}) {
    EXPECT_EQ(list({path("a.db"), path(row.name)}), 1) << row.name;
    EXPECT_NE(said().find(row.said), std::string::npos) << said();
    EXPECT_NE(said().find(row.name), std::string::npos) << said();
  }
}

// Each write by others would restart SQLite's backup, and a copy of the bytes would mix several moments.
TEST_P(SqliteScript, CopiesOneMomentWhileOthersWrite) {
  for (const char* mode : {"wal", "delete"}) {
    ASSERT_EQ(run("sqlite3 a.db 'pragma journal_mode=" + std::string{mode} + "'"), 0);
    // Each transaction inserts two rows; no copy may have only one of them.
    ASSERT_EQ(
        run(": >writing\n(while [ -e writing ]; do sqlite3 -cmd '.timeout 60000' a.db \"begin immediate; "
            "insert into item(text) values ('x'); insert into item(text) values ('x'); commit\" || : >lost; "
            ": >wrote; done) & w=$!\nuntil [ -e wrote ]; do sleep 0.05; done\n" +
            dump("a.db") + " >copy.db; s=$?; rm writing; wait $w; exit $s"),
        0)
        << said();
    EXPECT_FALSE(fs::exists(directory_ / "lost")) << "nobody was kept from writing";
    ASSERT_EQ(
        run("sqlite3 copy.db 'pragma integrity_check; select count(*) % 2, count(*) > 20000 from item'"), 0);
    EXPECT_EQ(text("out"), "ok\n0|1\n") << mode;
    EXPECT_EQ(copies(), 0U);
    fs::remove(directory_ / "wrote");
    fs::remove(directory_ / "copy.db");
  }
}

TEST_P(SqliteScript, LeavesNoCopyWhateverEndsIt) {
  // A slow SQLite, so that something can be left behind; it ends with the tool.
  make_tool("sqlite3", "cat >/dev/null; head -c 100000 " + quote(path("a.db")) +
                           " >copy; p=${PWD##*/cyborg-sqlite-}; p=${p%%-*}; : >" + quote(path("mark")) +
                           "; while kill -0 $p; do sleep 0.05; done 2>/dev/null; exit 1");
  struct Row {
    const char* kill;
    bool next;  // with all its children: then the next backup removes what is left
  };
  for (const auto& row :
       {Row{"kill -TERM -$p", false}, Row{"kill -KILL $p", false}, Row{"kill -KILL -$p", true}}) {
    const std::string gone = row.next ? "" : "until [ -z \"$(ls copies)\" ]; do sleep 0.05; done\n";
    ASSERT_EQ(
        run(dump_tool({}) + "setsid sh -c \"$TOOL\" dump dump " + quote(path("a.db")) +
            " >/dev/null 2>&1 & p=$!\nuntil [ -e mark ]; do sleep 0.05; done\nrm mark; ls copies >there\n" +
            row.kill + "\nwait $p\n" + gone + "true"),
        0)
        << said();
    EXPECT_NE(text("there"), "");
    if (row.next) {
      EXPECT_EQ(copies(), 1U);
      fs::remove(directory_ / "sqlite3");
      EXPECT_EQ(list({path("a.db")}), 0) << said();
      EXPECT_NE(said().find("was left by a backup that was killed"), std::string::npos) << said();
    }
    EXPECT_EQ(copies(), 0U) << row.kill;
  }
}

TEST_P(SqliteScript, SaysThatThereIsNoRoom) {
  make_tool("df", "echo head; echo x 1 1 70000 1% /");
  EXPECT_EQ(run(dump("a.db")), 1);
  EXPECT_NE(said().find("where 70000 KiB are free: the variable copy_folder names another place"),
            std::string::npos)
      << said();
  EXPECT_EQ(copies(), 0U);
}

TEST_P(SqliteScript, PutsAFileBackWithItsOwnerAndMode) {
  ASSERT_EQ(run(dump("a.db") + " >copy.db"), 0) << said();
  Load load;
  load.mode = "u=rw,g=r,o=";
  load.owner = getuid() == 0 ? "12345:54321" : "";
  ASSERT_EQ(
      run(load_tool("new.db", false, load) +
          "do_ look; do_ prepare && do_ load <copy.db && do_ finish && stat -c '%u %a' new.db; do_ look"),
      0)
      << said();
  EXPECT_EQ(text("out"), getuid() == 0 ? "missing\n12345 640\nfull\n"
                                       : "missing\n" + std::to_string(getuid()) + " 640\nfull\n");
  ASSERT_EQ(run("cmp new.db copy.db"), 0);
  // An existing file is kept unless it must be replaced; then it keeps its mode, and loses SQLite's files
  // beside it.
  EXPECT_EQ(run(load_tool("new.db", false) + "do_ prepare"), 3);
  ASSERT_EQ(run("sqlite3 small.db 'create table u(x)'; chmod 604 new.db; echo old >new.db-wal\n" +
                load_tool("new.db", true, load) + "do_ prepare && do_ load <small.db && do_ finish"),
            0)
      << said();
  ASSERT_EQ(run("stat -c %a new.db; ls new.db*; sqlite3 new.db .tables"), 0);
  EXPECT_EQ(text("out"), "604\nnew.db\nu\n");
  EXPECT_EQ(run(load_tool("none/new.db", false) + "do_ prepare"), 1);
  EXPECT_NE(said().find("there is no folder "), std::string::npos) << said();
}

TEST_P(SqliteScript, LeavesWhatWasThereWhenItFails) {
  ASSERT_EQ(run("cp a.db b.db; echo wal >b.db-wal"), 0);
  ASSERT_EQ(run(load_tool("b.db", true) +
                "do_ prepare && echo no >part && do_ load <part && ! do_ finish && do_ undo"),
            0)
      << said();
  EXPECT_NE(said().find("is no SQLite database"), std::string::npos) << said();
  ASSERT_EQ(run("cmp a.db b.db && cat b.db-wal && ls -A | grep -c cyborg-"), 1);
  EXPECT_EQ(text("out"), "wal\n0\n");
}

TEST_P(SqliteScript, ReplacesNothingThatIsInUse) {
  EXPECT_EQ(run("exec 9<a.db\n" + load_tool("a.db", true) + "do_ prepare"), 1);
  EXPECT_NE(said().find("is in use by process "), std::string::npos) << said();
}

TEST_P(SqliteScript, VerifiesWhatWasSaved) {
  const auto verify = [this] {
    return run("sh -c " + quote(verify_script(PolicyType::sqlite)) + " load verify " +
               quote(path("copy.db")));
  };
  ASSERT_EQ(
      run(dump("a.db") +
          " >copy.db; sqlite3 copy.db 'create table \"od\"\"d\"(x); insert into \"od\"\"d\" values (1)'"),
      0)
      << said();
  EXPECT_EQ(verify(), 0) << said();
  EXPECT_EQ(text("out"), "2 20001\n");
  EXPECT_FALSE(fs::exists(directory_ / "copy.db-wal"));
  ASSERT_EQ(run("dd if=/dev/zero of=copy.db bs=4096 seek=20 count=5 conv=notrunc"), 0);
  EXPECT_NE(verify(), 0);
  // integrity_check lists what it finds, unless it cannot go on.
  EXPECT_NE(said().find("ERROR: "), std::string::npos) << said();
  ASSERT_EQ(run("echo no >copy.db"), 0);
  EXPECT_NE(verify(), 0);
}

INSTANTIATE_TEST_SUITE_P(Shells, SqliteScript, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
