// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/job_script.h"
#include "remote/restore_script.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/quote.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

JobSpec spec() {
  JobSpec spec;
  spec.repository_path = "/srv/it's";
  spec.archive = "a";
  spec.roots = {"/etc", "/with 'quote' and\nbreak"};
  spec.exclude = {"$(touch /tmp/never)"};
  spec.restore.directory = "/out $HOME";
  return spec;
}

JobSpec with_snapshot() {
  JobSpec with = spec();
  with.snapshot = true;
  return with;
}

std::vector<std::string> all_scripts() {
  return {backup_script(with_snapshot(), "word"),
          backup_script(spec(), "word"),
          restore_script(spec(), "word", false),
          relay_script("word"),
          facts_script(true),
          facts_script(false),
          authorize_script("ssh-ed25519 A it's"),
          backup_script(spec(), "")};
}

class InDirectory : public test::ScriptTest {
 protected:
  int run(const std::string& script, const std::string& environment = {}) const {
    return ScriptTest::run(script, "TMPDIR=" + quote(directory_.string()) + " " + environment);
  }
};

TEST_P(InDirectory, EveryScriptIsGoodForTheShell) {
  for (const auto& script : all_scripts())
    EXPECT_EQ(run("sh -n -c " + quote(script)), 0) << script << read("err");
}

TEST(JobScript, NoScriptHoldsThePassphraseOrPutsItInTheEnvironment) {
  for (const auto& script : all_scripts()) {
    EXPECT_EQ(script.find("export P"), script.find("export PATH"));
    EXPECT_EQ(script.find("export passphrase"), std::string::npos);
    EXPECT_EQ(script.find("BORG_PASSPHRASE="), std::string::npos);
  }
}

TEST(JobScript, NamesItsSnapshotsByAWordThatIsInIt) {
  JobSpec direct = with_snapshot();
  direct.job = 0x2a;
  EXPECT_NE(backup_script(with_snapshot(), "ab12").find("-ab12-*"), std::string::npos);
  EXPECT_NE(backup_script(direct, "").find("-000000000000002a-*"), std::string::npos);
}

TEST(JobScript, OnlyRootNeedsNoSudo) {
  EXPECT_EQ(script_command("x", "root"), "exec sh -c 'x'");
  EXPECT_EQ(script_command("x", "admin"), "exec sudo -n sh -c 'x'");
}

TEST_P(InDirectory, AKeyIsAuthorizedOnceAndWithRightModes) {
  const std::string key = "ssh-ed25519 AAAA it's me";
  std::filesystem::create_directory(directory_ / ".ssh");
  std::ofstream{directory_ / ".ssh/authorized_keys"} << "ssh-rsa other";  // without a line break
  EXPECT_EQ(run(authorize_script(key)), 0) << read("err");
  EXPECT_EQ(run(authorize_script(key)), 0);
  EXPECT_EQ(read(".ssh/authorized_keys"), "ssh-rsa other\n" + key + "\n");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory_ / ".ssh").permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(directory_ / ".ssh/authorized_keys").permissions(),
            perms::owner_read | perms::owner_write);
}

TEST_P(InDirectory, ABackupOfAMissingRootEndsBeforeBorg) {
  auto missing = spec();
  missing.roots = {"/", "/no/such\nroot"};
  const std::string with_base = "CYBORG_CLIENT_DIR=" + quote((directory_ / "base").string());
  std::ofstream{directory_ / "borg"} << "#!/bin/sh\necho ran\n";
  std::filesystem::permissions(directory_ / "borg", std::filesystem::perms::owner_all);
  const std::string path = " PATH=" + quote(directory_.string() + ":/usr/bin:/bin");
  EXPECT_EQ(run(backup_script(missing, "word"), with_base + path), kScriptFailed);
  EXPECT_NE(read("err").find("@cyborg source-missing 1\n"), std::string::npos) << read("err");
  EXPECT_EQ(read("out"), "");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "cyborg-job-word"));
}

TEST(JobScript, ARootThatIsALinkIsNamedUnlessAnotherRootHasWhatIsBehindIt) {
  struct Row {
    const char* told;
    bool warned;
  };
  JobSpec one = spec();
  one.client = "web";
  one.roots = {"/link", "/data", "/"};
  for (const Row& row : {Row{"0 /mnt", false}, Row{"7 /mnt", false}, Row{"x /mnt", false}, Row{"0", false}}) {
    EXPECT_EQ(root_link_warning(one, row.told).has_value(), row.warned) << row.told;
  }
  one.roots = {"/link", "/data"};
  for (const Row& row : {Row{"0 /data", false}, Row{"0 /data/new", false}, Row{"0 /database", true},
                         Row{"1 /data/itself", true}, Row{"0 /link/", true}, Row{"0 ", true}}) {
    EXPECT_EQ(root_link_warning(one, row.told).has_value(), row.warned) << row.told;
  }
  EXPECT_EQ(root_link_warning(one, "0 /mnt/a b"),
            "/link on web is a symbolic link to /mnt/a b, and nothing but the link is saved: name the folder "
            "itself");
}

// The parts of a backup before borg, which is replaced by a program that does nothing.
class WithLock : public InDirectory {
 protected:
  void SetUp() override {
    InDirectory::SetUp();
    spec_.borg_id = std::string(64, 'a');
    spec_.roots = {"/etc"};
    lock_ = directory_ / "base/.cache/borg" / spec_.borg_id / "lock.exclusive";
    roster_ = lock_.parent_path() / "lock.roster";
    std::ofstream{directory_ / "borg"} << "#!/bin/sh\n";
    std::filesystem::permissions(directory_ / "borg", std::filesystem::perms::owner_all);
  }

  void lock(const std::string& process, std::chrono::hours age) {
    std::filesystem::create_directories(lock_);
    std::filesystem::create_directories(lock_.parent_path() / "txn.active");
    const std::ofstream unsynced{lock_.parent_path() / "txn.active/config"};
    const std::ofstream holder{lock_ / ("web.example.net@12345." + process + "-0")};
    std::ofstream{roster_} << "{}";
    const auto then = std::filesystem::file_time_type::clock::now() - age;
    std::filesystem::last_write_time(lock_, then);
    std::filesystem::last_write_time(roster_, then);
  }

  bool is_locked_after_a_script() {
    const std::string environment =
        "CYBORG_CLIENT_DIR=" + quote((directory_ / "base").string()) + " PATH=" +
        quote(directory_.string() + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    run(backup_script(spec_, "word"), environment);
    const bool said = read("err").find("@cyborg lock-removed " + lock_.string() + "\n") != std::string::npos;
    const bool locked = std::filesystem::exists(lock_);
    EXPECT_EQ(said, !locked) << read("err");
    EXPECT_EQ(std::filesystem::exists(roster_), locked);
    // Nor is data that borg had not synced.
    EXPECT_EQ(std::filesystem::exists(lock_.parent_path() / "txn.active/config"), locked);
    EXPECT_FALSE(std::filesystem::exists(lock_.parent_path().string() + ".lost"));
    return locked;
  }

  JobSpec spec_ = spec();
  std::filesystem::path lock_;
  std::filesystem::path roster_;
};

constexpr std::chrono::hours kLongAgo{24 * 365 * 20};

TEST_P(WithLock, OneFromBeforeTheMachinesStartIsRemoved) {
  lock("1", kLongAgo);
  EXPECT_FALSE(is_locked_after_a_script());
}

TEST_P(WithLock, OneFromAfterwardsStays) {
  lock("1", std::chrono::hours{0});
  EXPECT_TRUE(is_locked_after_a_script());
}

TEST_P(WithLock, OneWithTheNumberOfABorgStaysWhateverTheClockSays) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  std::ofstream{directory_ / "borg"} << "#!/bin/sh\necho $$\nread x <\"${0%/*}/fifo\"\n";
  FILE* borg = ::popen(("exec " + quote((directory_ / "borg").string())).c_str(), "r");
  int process = 0;
  ASSERT_EQ(std::fscanf(borg, "%d", &process), 1);
  lock(std::to_string(process), kLongAgo);
  EXPECT_TRUE(is_locked_after_a_script());
  ::kill(process, SIGTERM);
  ::pclose(borg);
}

TEST_P(WithLock, OneOfAnotherRepositoryStays) {
  lock("1", kLongAgo);
  spec_.borg_id = std::string(64, 'b');
  EXPECT_TRUE(is_locked_after_a_script());
}

TEST(JobScript, NoBackupReadsItsOwnDirectoryWhateverTheRules) {
  JobSpec one = spec();
  one.job = 0x2a;
  one.patterns = {"+ sh:**"};
  EXPECT_NE(backup_script(one, "ab12").find("! sh:**/cyborg-job-ab12"), std::string::npos);
  const std::string direct = backup_script(one, "");
  const auto rule = direct.find("! sh:**/cyborg-job-000000000000002a-*");
  EXPECT_LT(rule, direct.find("+ sh:**"));
  EXPECT_NE(direct.find("cyborg-job-000000000000002a-XXXXXX"), std::string::npos);
}

TEST_P(InDirectory, FactsAreLinesOfKeysAndValues) {
  std::ofstream{directory_ / "borg"} << "#!/bin/sh\necho borg 1.2.4\n";
  std::filesystem::permissions(directory_ / "borg", std::filesystem::perms::owner_all);
  EXPECT_EQ(run(facts_script(false), "PATH=" + quote(directory_.string() + ":/usr/bin:/bin")), 0)
      << read("err");
  EXPECT_NE(read("out").find("borg_version=borg 1.2.4\n"), std::string::npos);
  EXPECT_NE(read("out").find("operating_system="), std::string::npos);
  EXPECT_NE(read("out").find("hostname="), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Shells, InDirectory, test::kShells, test::shell_name);
INSTANTIATE_TEST_SUITE_P(Shells, WithLock, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
