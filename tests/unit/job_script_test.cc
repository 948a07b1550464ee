#include "core/job_script.h"
#include "core/restore_script.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/quote.h"

namespace cyborg {
namespace {

JobSpec spec() {
  JobSpec spec;
  spec.repository_path = "/srv/it's";
  spec.archive = "a";
  spec.roots = {"/etc", "/with 'quote' and\nbreak"};
  spec.exclude = {"$(touch /tmp/never)"};
  spec.directory = "/out $HOME";
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

class InDirectory : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "job-script-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The exit status of a script, with the directory as its home.
  int run(const std::string& script, const std::string& prefix = {}) {
    const std::string line = "HOME=" + quote(directory_.string()) + " TMPDIR=" + quote(directory_.string()) +
                             " " + prefix + " sh -c " + quote(script) + " >" +
                             quote((directory_ / "out").string()) + " 2>" +
                             quote((directory_ / "err").string()) + " </dev/null";
    const int status = std::system(line.c_str());
    return WEXITSTATUS(status);
  }

  std::string read(const char* name) {
    std::ifstream file{directory_ / name};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  std::filesystem::path directory_;
};

TEST_F(InDirectory, EveryScriptIsGoodForThisMachinesShell) {
  for (const auto& script : all_scripts())
    EXPECT_EQ(run("sh -n -c " + quote(script)), 0) << script << read("err");
}

TEST(JobScript, NoScriptHoldsThePassphraseOrPutsItInTheEnvironment) {
  for (const auto& script : all_scripts()) {
    EXPECT_EQ(script.find("export P"), script.find("export PATH"));
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

TEST_F(InDirectory, AKeyIsAuthorizedOnceAndWithRightModes) {
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

TEST_F(InDirectory, ABackupOfAMissingRootEndsBeforeBorg) {
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

TEST_F(InDirectory, FactsAreLinesOfKeysAndValues) {
  std::ofstream{directory_ / "borg"} << "#!/bin/sh\necho borg 1.2.4\n";
  std::filesystem::permissions(directory_ / "borg", std::filesystem::perms::owner_all);
  EXPECT_EQ(run(facts_script(false), "PATH=" + quote(directory_.string() + ":/usr/bin:/bin")), 0)
      << read("err");
  EXPECT_NE(read("out").find("borg_version=borg 1.2.4\n"), std::string::npos);
  EXPECT_NE(read("out").find("operating_system="), std::string::npos);
  EXPECT_NE(read("out").find("hostname="), std::string::npos);
}

}  // namespace
}  // namespace cyborg
