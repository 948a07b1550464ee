// SPDX-License-Identifier: GPL-3.0-or-later
#include "remote/direct_access.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/quote.h"
#include "remote/job_script.h"
#include "unit/json_text.h"
#include "unit/plan/fleet.h"
#include "unit/remote/script_test.h"

namespace cyborg {
namespace {

using test::contains;

// The public half of a key; another one for each letter.
std::string key(char letter = 'a') {
  return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + std::string(43, letter);
}

TEST(PublicKey, IsTypeAndBase64AndNothingElse) {
  EXPECT_EQ(parse_public_key(key()).value_or(""), key());
  EXPECT_EQ(parse_public_key(key() + "\n").value_or(""), key());
  const std::string hostile[] = {
      "",
      "\n",
      "ssh-ed25519",
      "ssh-ed25519 ",
      key() + "\n\n",
      key() + "\nssh-ed25519 AAAA",
      key() + "\n" + key('b') + "\n",
      key() + " comment",
      key() + "\r",
      key() + std::string(1, '\0'),
      key() + "=",
      " " + key(),
      "\n" + key(),
      "command=\"sh\" " + key(),
      "no-pty," + key(),
      "ssh-rsa" + key().substr(11),
      "ssh-ed25519\t" + key().substr(12),
      "ssh-ed25519  " + key().substr(12),
      "ssh-ed25519 " + std::string(68, 'A'),  // of another type inside
      key().substr(0, key().size() - 1),
      key() + "A",
      key().substr(0, key().size() - 1) + "\"",
      key().substr(0, key().size() - 1) + "\n",
      key().substr(0, key().size() - 2) + "ä",
      "ssh-ed25519-cert-v01@openssh.com " + key().substr(12),
      "cert-authority " + key(),
  };
  for (const auto& text : hostile) EXPECT_FALSE(parse_public_key(text)) << text;
}

TEST(AuthorizedLine, BindsTheKeyToOneServe) {
  EXPECT_EQ(authorized_line({"web", "vault", "/srv/borg/web", false, key()}).value_or(""),
            "command=\"borg serve --umask=077 --restrict-to-repository /srv/borg/web\",restrict " + key() +
                " cyborg:web:vault");
  EXPECT_EQ(
      authorized_line({"web", "vault", "/srv/borg/web", true, key()}).value_or(""),
      "command=\"borg serve --umask=077 --restrict-to-repository /srv/borg/web --append-only\",restrict " +
          key() + " cyborg:web:vault");
}

TEST(AuthorizedLine, QuotesThePathForTheShellAndForSshd) {
  struct Row {
    const char* path;
    const char* command;
  };
  for (const auto& [path, command] :
       {Row{"/a b", "'/a b'"}, Row{"/it's", R"('/it'\''s')"}, Row{"/x\",no-pty ", R"('/x\",no-pty ')"},
        Row{R"(/b\)", R"('/b\')"}, Row{R"(/c\")", R"('/c\\"')"}, Row{"/$(id)`id`", "'/$(id)`id`'"}}) {
    const auto line = authorized_line({"web", "vault", path, false, key()});
    ASSERT_TRUE(line) << path;
    EXPECT_TRUE(contains(*line, std::string{"--restrict-to-repository "} + command + "\",restrict ssh-"))
        << *line;
  }
}

TEST(AuthorizedLine, TakesNoLineBreakFromAnywhere) {
  EXPECT_FALSE(authorized_line({"web", "vault", "/a\nssh-rsa x", false, key()}));
  EXPECT_FALSE(authorized_line({"web", "vault", "/a\r", false, key()}));
  EXPECT_FALSE(authorized_line({"web", "vault", "/a", false,
                                key() + "\n"
                                        "ssh-rsa x"}));
  EXPECT_FALSE(authorized_line({"web", "vault", "/a", false, ""}));
}

TEST(DirectFailure, SaysWhatTheClientsSshMeans) {
  struct Row {
    const char* said;
    const char* code;
    const char* part;
  };
  JobSpec spec;
  spec.client = "web";
  spec.repository = "vault";
  spec.repository_host = {"vault.example", 2222, "borg", "SHA256:x", ""};
  for (const auto& [said, code, part] :
       {Row{"ssh: connect to host vault port 22: Connection refused", "connection-refused",
            "transport=relay"},
        Row{"ssh: connect to host vault port 22: Connection timed out", "connection-timeout", "port 2222"},
        Row{"ssh: connect to host vault port 22: No route to host", "connection-failed", "web cannot reach"},
        Row{"ssh: Could not resolve hostname vault: Name or service not known", "unknown-host",
            "transport=relay"},
        Row{"Host key verification failed.", "host-key-mismatch", "SHA256:x"},
        Row{"borg@vault: Permission denied (publickey).", "authentication-failed",
            "repository prepare vault"}}) {
    JobResult lost;
    lost.code = AnyCode{"connection-lost"};
    const JobResult result = direct_failure(spec, {"@@@@", said}, lost);
    EXPECT_EQ(result.code.word(), code) << said;
    EXPECT_TRUE(contains(result.message, part)) << result.message;
    EXPECT_EQ(result.state, JobState::error);
  }
}

TEST(DirectFailure, LeavesOtherEndsAsTheyAre) {
  JobResult good;
  good.state = JobState::successful;
  EXPECT_EQ(direct_failure({}, {"Connection refused"}, good).state, JobState::successful);
  JobResult bad;
  bad.code = AnyCode{"passphrase-wrong"};
  EXPECT_EQ(direct_failure({}, {}, bad).code.word(), "passphrase-wrong");
  EXPECT_EQ(direct_failure({}, {"something"}, bad).code.word(), "passphrase-wrong");
}

Fleet direct_fleet() {
  Fleet fleet = test::fleet();
  Repository& vault = fleet.repositories["vault"];
  vault.transport = "direct";
  vault.host_public_key = key('h');
  DirectKey& direct = fleet.borg_repositories["u@vault:/srv/a"].direct;
  direct.key = key();
  direct.line = authorized_line({"a", "vault", "/srv/a", false, key()}).value();
  return fleet;
}

std::vector<JobKind> kinds_of_run(const Fleet& fleet) {
  const std::vector<std::string> only{"a"};
  const auto plan = plan_run(fleet, fleet.policies.at("p"), only, {}, "now");
  std::vector<JobKind> kinds;
  if (!plan) return kinds;
  for (const auto& job : plan->jobs) kinds.push_back(job.kind);
  return kinds;
}

TEST(PlanDirect, ABackupWaitsUntilTheKeyIsAuthorizedAsTheRepositoryIsNow) {
  const std::vector<JobKind> ready{JobKind::backup};
  const std::vector<JobKind> prepared{JobKind::prepare_repository, JobKind::backup};
  EXPECT_EQ(kinds_of_run(direct_fleet()), ready);
  Fleet fleet = direct_fleet();
  fleet.repositories["vault"].append_only = true;
  EXPECT_EQ(kinds_of_run(fleet), prepared);
  fleet = direct_fleet();
  fleet.borg_repositories["u@vault:/srv/a"].direct = {};
  EXPECT_EQ(kinds_of_run(fleet), prepared);
  fleet = direct_fleet();
  fleet.repositories["vault"].host_public_key.clear();
  EXPECT_EQ(kinds_of_run(fleet), prepared);
  fleet.repositories["vault"].transport = "relay";
  EXPECT_EQ(kinds_of_run(fleet), ready);
  fleet.repositories["vault"].transport = "direct";
  fleet.clients["a"].local = true;  // its connection is the server's
  EXPECT_EQ(kinds_of_run(fleet), ready);
}

TEST(PlanDirect, ThePreparationOfAClientComesBeforeThatOfItsWay) {
  const Fleet fleet = direct_fleet();
  const std::vector<std::string> only{"b"};
  const auto plan = plan_run(fleet, fleet.policies.at("p"), only, {}, "now");
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->jobs.size(), 3U);
  EXPECT_EQ(plan->jobs[0].kind, JobKind::prepare_client);
  EXPECT_EQ(plan->jobs[1].kind, JobKind::prepare_repository);
  EXPECT_EQ(plan->jobs[1].after, std::vector<std::size_t>{0});
  EXPECT_EQ(plan->jobs[2].kind, JobKind::backup);
}

TEST(PlanDirect, AJobIsToldOfTheWay) {
  const Fleet fleet = direct_fleet();
  Job job = test::job(1, JobKind::backup, "a", "u@vault:/srv/a");
  job.policy = "p";
  job.repository = "vault";
  const auto backup = job_spec(fleet, job);
  ASSERT_TRUE(backup) << backup.error().message;
  EXPECT_TRUE(backup->direct.used);
  EXPECT_EQ(backup->direct.host_public_key, key('h'));
  job.kind = JobKind::prepare_repository;
  EXPECT_EQ(job_spec(fleet, job)->target.address, "a");
  job.kind = JobKind::restore;
  EXPECT_FALSE(job_spec(fleet, job)->direct.used);
}

TEST(PlanWithdrawals, TakesAwayWhatNothingNeeds) {
  Fleet fleet = direct_fleet();
  EXPECT_TRUE(plan_withdrawals(fleet, {}).jobs.empty());
  const KeyChoice asked{"vault", {}};
  EXPECT_TRUE(plan_withdrawals(fleet, {}, &asked).jobs.empty());
  fleet.clients["a"].enabled = false;
  EXPECT_TRUE(plan_withdrawals(fleet, {}).jobs.empty());
  EXPECT_EQ(plan_withdrawals(fleet, {}, &asked).jobs.size(), 1U);
  const KeyChoice other{"vault", {"b"}};
  EXPECT_TRUE(plan_withdrawals(fleet, {}, &other).jobs.empty());

  fleet.clients.erase("a");
  const Plan plan = plan_withdrawals(fleet, {});
  ASSERT_EQ(plan.jobs.size(), 1U);
  EXPECT_EQ(plan.jobs[0].kind, JobKind::withdraw);
  EXPECT_EQ(plan.jobs[0].borg_url, "u@vault:/srv/a");
  const Jobs active{{3, test::job(3, JobKind::withdraw, "a", "u@vault:/srv/a")}};
  EXPECT_TRUE(plan_withdrawals(fleet, active).jobs.empty());
  fleet.borg_repositories["u@vault:/srv/a"].direct.manual = true;
  EXPECT_TRUE(plan_withdrawals(fleet, {}).jobs.empty());
}

TEST(PlanWithdrawals, AJobNeedsNeitherClientNorRepository) {
  Fleet fleet = direct_fleet();
  fleet.borg_repositories["u@vault:/srv/a"].direct.host_key = "SHA256:x";
  Job job = test::job(3, JobKind::withdraw, "a", "u@vault:/srv/a");
  job.repository = "vault";
  EXPECT_TRUE(contains(job_spec(fleet, job).error().message, "uses its key"));
  fleet.clients.erase("a");
  fleet.repositories.erase("vault");
  const auto spec = job_spec(fleet, job);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->repository_host.address, "vault");
  EXPECT_EQ(spec->repository_host.host_key, "SHA256:x");
  EXPECT_EQ(spec->direct.key, key());
}

// The scripts for authorized_keys, in a directory that serves as a home.
class AuthorizedKeys : public test::ScriptTest {
 protected:
  int run(const std::string& script) const { return ScriptTest::run("exec 2>&1\n" + script); }
  std::string keys() { return read(".ssh/authorized_keys"); }
  void write(const std::string& text) {
    std::filesystem::create_directories(directory_ / ".ssh");
    std::ofstream{directory_ / ".ssh/authorized_keys", std::ios::binary} << text;
  }
  int authorize(const KeyGrant& grant, const std::string& old = {}) {
    return run(authorize_line_script(grant, authorized_line(grant).value(), old));
  }
  static std::string line(const KeyGrant& grant) { return authorized_line(grant).value() + "\n"; }
};

const KeyGrant kWeb{"web", "vault", "/srv/it's \"web\"", false, key('w')};
const KeyGrant kWebDb{"web-db", "vault", "/srv/db", false, key('d')};

TEST_P(AuthorizedKeys, GetsALineOnce) {
  EXPECT_EQ(authorize(kWeb), 0) << read("out");
  EXPECT_EQ(keys(), line(kWeb));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(directory_ / ".ssh").permissions(), perms::owner_all);
  EXPECT_EQ(std::filesystem::status(directory_ / ".ssh/authorized_keys").permissions(),
            perms::owner_read | perms::owner_write);
  EXPECT_EQ(authorize(kWebDb), 0);
  EXPECT_EQ(authorize(kWeb), 0);
  EXPECT_EQ(keys(), line(kWeb) + line(kWebDb));
}

TEST_P(AuthorizedKeys, KeepsOtherLinesByteForByte) {
  const std::string others(
      "# \xff\xfe \\n $HOME `id` \t \n\n\r\nssh-rsa AAAA cyborg:web:vault\n"
      "command=\"x\" ssh-ed25519 AAAA cyborg:web:vault \nno line break");
  write(others);
  EXPECT_EQ(authorize(kWeb), 0) << read("out");
  EXPECT_EQ(keys(), others + "\n" + line(kWeb));
  KeyGrant other = kWeb;
  other.append_only = true;
  other.key = key('x');
  EXPECT_EQ(authorize(other), 0);
  EXPECT_EQ(keys(), others + "\n" + line(other));
  EXPECT_EQ(run(withdraw_line_script(other, authorized_line(other).value())), 0) << read("out");
  EXPECT_EQ(keys(), others + "\n");
}

TEST_P(AuthorizedKeys, KeepsItsModeAndTheLinkToIt) {
  write("ssh-rsa AAAA\n");
  std::filesystem::rename(directory_ / ".ssh/authorized_keys", directory_ / "keys");
  std::filesystem::create_symlink(directory_ / "keys", directory_ / ".ssh/authorized_keys");
  std::filesystem::permissions(directory_ / "keys", static_cast<std::filesystem::perms>(0640));
  EXPECT_EQ(authorize(kWeb), 0) << read("out");
  EXPECT_TRUE(std::filesystem::is_symlink(directory_ / ".ssh/authorized_keys"));
  EXPECT_EQ(read("keys"), "ssh-rsa AAAA\n" + line(kWeb));
  EXPECT_EQ(std::filesystem::status(directory_ / "keys").permissions(),
            static_cast<std::filesystem::perms>(0640));
}

TEST_P(AuthorizedKeys, RefusesAKeyThatIsThereForSomethingElse) {
  write("ssh-rsa AAAA server\n");
  EXPECT_EQ(authorize(kWebDb), 0);
  const std::string before = keys();
  KeyGrant thief = kWeb;
  thief.key = kWebDb.key;
  EXPECT_EQ(authorize(thief), kScriptFailed);
  EXPECT_TRUE(contains(read("out"), "@cyborg key-taken\n")) << read("out");
  EXPECT_EQ(keys(), before);
}

TEST_P(AuthorizedKeys, ALineOfAFormerNameIsReplaced) {
  const KeyGrant former{"web", "old-name", "/srv/web", false, key('w')};
  EXPECT_EQ(authorize(former), 0);
  EXPECT_EQ(authorize(kWeb), kScriptFailed);
  EXPECT_EQ(authorize(kWeb, authorized_line(former).value()), 0) << read("out");
  EXPECT_EQ(keys(), line(kWeb));
}

TEST_P(AuthorizedKeys, OnlyTheClientsOwnLineIsWithdrawn) {
  EXPECT_EQ(run(withdraw_line_script(kWeb, "")), 0) << read("out");
  EXPECT_FALSE(std::filesystem::exists(directory_ / ".ssh/authorized_keys"));
  authorize(kWeb);
  authorize(kWebDb);
  KeyGrant renewed = kWeb;
  renewed.key = key('n');
  EXPECT_EQ(run(withdraw_line_script(renewed, "")), 0);
  EXPECT_EQ(keys(), line(kWeb) + line(kWebDb));
  EXPECT_EQ(run(withdraw_line_script(kWeb, "")), 0);
  EXPECT_EQ(keys(), line(kWebDb));
  KeyGrant unknown = kWebDb;
  unknown.key.clear();
  EXPECT_EQ(run(withdraw_line_script(unknown, "unknown")), 0);
  EXPECT_EQ(keys(), "");
}

TEST_P(AuthorizedKeys, ManyAtOnceLoseNoLine) {
  std::string all;
  std::vector<std::string> wanted;
  for (char letter = 'a'; letter <= 'p'; ++letter) {
    const KeyGrant grant{std::string{"client-"} + letter, "vault", "/srv/x", false, key(letter)};
    all += "sh -c " + quote(authorize_line_script(grant, authorized_line(grant).value(), "")) + " &\n";
    wanted.push_back(line(grant));
  }
  EXPECT_EQ(run(all + "wait"), 0);
  const std::string found = keys();
  for (const auto& one : wanted) EXPECT_TRUE(contains(found, one)) << read("out");
  EXPECT_EQ(std::ranges::count(found, '\n'), 16);
}

INSTANTIATE_TEST_SUITE_P(Shells, AuthorizedKeys, test::kShells, test::shell_name);

}  // namespace
}  // namespace cyborg
