// SPDX-License-Identifier: GPL-3.0-or-later
// The output of cyborg-job --print-script.
#include "remote/client_scripts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/quote.h"
#include "remote/direct_access.h"
#include "remote/dump_script.h"
#include "remote/job_script.h"
#include "unit/remote/every_script.h"

namespace cyborg {
namespace {

std::vector<std::string> titles(const JobSpec& spec) {
  std::vector<std::string> all;
  for (const auto& script : client_scripts(spec)) all.push_back(script.title);
  return all;
}

bool holds(const JobSpec& spec, const std::string& text) {
  return std::ranges::any_of(client_scripts(spec), [&](const auto& script) { return script.text == text; });
}

using Titles = std::vector<std::string>;

TEST(ClientScripts, OfABackupAreTheScriptAndTheRelay) {
  JobSpec spec = test::script_spec();
  EXPECT_EQ(titles(spec), (Titles{"borg create, on client web",
                                  "beside it, the other end of borg's connection, on client web"}));
  EXPECT_TRUE(holds(spec, backup_script(spec, "RELAY")));
  EXPECT_TRUE(holds(spec, relay_script("RELAY")));
  EXPECT_EQ(titles(test::direct_spec()), (Titles{"borg create, on client web"}));
  spec.local = true;
  EXPECT_EQ(titles(spec), Titles{});
}

TEST(ClientScripts, ShowAScriptInsideAnotherAsItIs) {
  JobSpec spec = test::script_spec();
  spec.snapshot = true;
  const auto snapshot = client_scripts(spec);
  ASSERT_EQ(snapshot.size(), 3U);
  EXPECT_EQ(snapshot[1].title, "the script that the one above runs");
  EXPECT_TRUE(snapshot[1].text.starts_with("PATH="));
  EXPECT_NE(snapshot[0].text.find("set -- " + quote(snapshot[1].text)), std::string::npos);
  for (const PolicyType type :
       {PolicyType::mysql, PolicyType::postgresql, PolicyType::piped, PolicyType::vm, PolicyType::proxmox}) {
    const auto dump = client_scripts(test::dump_spec(type));
    ASSERT_EQ(dump.size(), 3U) << to_string(type);
    EXPECT_EQ(dump[1].title, "the script in TOOL of the one above");
    EXPECT_NE(dump[0].text.find("\nTOOL=" + quote(dump[1].text) + "\n"), std::string::npos)
        << to_string(type);
    EXPECT_EQ(client_scripts(test::dump_spec(type, true)).size(), 2U) << to_string(type);
  }
}

TEST(ClientScripts, OfARestoreAreThoseOfItsSort) {
  JobSpec spec = test::script_spec();
  spec.kind = JobKind::restore;
  EXPECT_EQ(titles(spec).size(), 5U);
  spec.restore.conflict = "rename";
  EXPECT_EQ(titles(spec).size(), 7U);
  spec.restore.conflict = "keep";
  EXPECT_EQ(titles(spec).size(), 7U);
  spec.dry_run = true;
  EXPECT_EQ(titles(spec).size(), 1U);
  spec.restore.output = true;
  EXPECT_EQ(titles(spec), Titles{});
  JobSpec load = test::dump_spec(PolicyType::postgresql);
  load.kind = JobKind::restore;
  load.restore.databases = {{"shop", "copy"}};
  load.restore.globals = true;
  EXPECT_TRUE(
      std::ranges::count(titles(load), "borg extract of database \"shop\" as \"copy\", on client web") == 1);
  EXPECT_TRUE(std::ranges::count(titles(load), "borg extract of the roles, on client web") == 1);
  JobSpec guest = test::dump_spec(PolicyType::vm);
  guest.kind = JobKind::restore;
  guest.restore.guest = guest.restore.guest_name = "web";
  EXPECT_EQ(titles(guest).front(), "borg export-tar of guest \"web\", on client web");
}

TEST(ClientScripts, OfTheOtherKindsAreWhatTheyNeed) {
  JobSpec spec = test::script_spec();
  spec.kind = JobKind::prepare_client;
  EXPECT_TRUE(holds(spec, facts_script(true)));
  spec.dry_run = true;
  spec.ssh_public_key = "ssh-ed25519 AAAA";
  EXPECT_TRUE(holds(spec, facts_script(false)));
  EXPECT_TRUE(holds(spec, authorize_script("ssh-ed25519 AAAA")));
  JobSpec direct = test::direct_spec();
  direct.kind = JobKind::prepare_repository;
  direct.repository_path = "/srv/x";
  EXPECT_EQ(titles(direct), (Titles{"borg's version, on the repository host borg@vault.example",
                                    "the client's own key, on client web",
                                    "the key is authorised, on the repository host borg@vault.example",
                                    "the whole way is tried, on client web"}));
  direct.kind = JobKind::withdraw;
  EXPECT_EQ(titles(direct), (Titles{"the key is taken away, on the repository host borg@vault.example"}));
  JobSpec verify = test::script_spec();
  verify.kind = JobKind::verify;
  verify.verify = "compare";
  verify.canaries = {"/etc/hostname"};
  EXPECT_NE(client_scripts(verify).at(0).text.find("'/etc/hostname'"), std::string::npos);
  for (const JobKind kind :
       {JobKind::catalog, JobKind::prune, JobKind::compact, JobKind::check, JobKind::list}) {
    JobSpec server = test::script_spec();
    server.kind = kind;
    EXPECT_EQ(printed(client_scripts(server)), "# this job runs no script on another machine\n");
  }
}

TEST(ClientScripts, HooksOfTheClientAreAroundThem) {
  JobSpec spec = test::script_spec();
  Hook hook;
  hook.command = "one\ntwo";
  spec.hooks.push_back(hook);
  hook.where = "server";
  spec.hooks.push_back(hook);
  hook.where = "client";
  hook.when = "after";
  spec.hooks.push_back(hook);
  const auto all = titles(spec);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(all.front(), "hook before: one\ntwo, on client web");
  EXPECT_EQ(all.back(), "hook after: one\ntwo, on client web");
  EXPECT_TRUE(printed(client_scripts(spec)).starts_with("# hook before: one two, on client web\nPATH="));
}

}  // namespace
}  // namespace cyborg
