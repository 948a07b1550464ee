// SPDX-License-Identifier: GPL-3.0-or-later
// Schedules, repositories, clients, policies, settings, secrets, and their removal.
#include "fixture.h"

namespace cyborg::store::test {
namespace {

using Removed = std::vector<Policy>;

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Objects : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
  }
  Error refused(Expected<Removed> answer) {
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  }
};

TEST_F(Objects, come_back_as_they_were_put) {
  Schedule s{"weekly",
             false,
             "",
             "Sun *-*-* 4:00",
             "Europe/Berlin",
             "10min",
             std::chrono::seconds{600},
             {"Sun *-*-* 4:00 Europe/Berlin", "b"}};
  good(ask<void>(&Store::put_schedule, s, true));
  Client c;
  c.name = "far";
  c.enabled = false;
  c.local = true;
  c.address = "2001:db8::1";
  c.port = 2222;
  c.user = "back \"up\"";
  c.jump = "me@jump:22";
  c.host_key = "SHA256:abc";
  c.ready = true;
  c.addresses = {"192.0.2.1", "2001:db8::1"};
  c.operating_system = "Debian GNU/Linux 13 (trixie)";
  c.borg_version = "1.4.0";
  c.hostname = "far.example";
  c.comment = "of Ann's \"room\"";
  good(ask<void>(&Store::put_client, c, true));
  Policy p = etc();
  p.name = "all";
  p.enabled = false;
  p.schedule = "";
  p.clients = {"far", "db", "web"};
  p.variables["folders"].append("/srv/a b");
  p.variables["deep"]["\"q\""] = 1;
  p.exclude = {"*.tmp", "sh:**/{a,b}", "\\"};
  p.compression = "zstd,3";
  p.upload_limit = 1024;
  p.timeout = "2h";
  p.timeout_seconds = std::chrono::hours{2};
  put(p);

  const Snapshot all = load();
  ASSERT_EQ(all.schedules.size(), 2U);
  const Schedule& s2 = all.schedules[1];
  EXPECT_EQ(std::tie(s2.name, s2.enabled, s2.crontab, s2.on_calendar, s2.timezone, s2.random_delay),
            std::tie(s.name, s.enabled, s.crontab, s.on_calendar, s.timezone, s.random_delay));
  EXPECT_EQ(s2.random_delay_seconds, s.random_delay_seconds);
  EXPECT_EQ(s2.calendar, s.calendar);
  ASSERT_EQ(all.clients.size(), 3U);
  const Client& c2 = all.clients[1];
  EXPECT_EQ(
      std::tie(c2.name, c2.enabled, c2.local, c2.address, c2.port, c2.user, c2.jump, c2.host_key, c2.ready),
      std::tie(c.name, c.enabled, c.local, c.address, c.port, c.user, c.jump, c.host_key, c.ready));
  EXPECT_EQ(std::tie(c2.addresses, c2.operating_system, c2.borg_version, c2.hostname),
            std::tie(c.addresses, c.operating_system, c.borg_version, c.hostname));
  EXPECT_EQ(c2.comment, c.comment);
  ASSERT_EQ(all.policies.size(), 2U);
  const Policy& p2 = all.policies[0];
  EXPECT_EQ(std::tie(p2.name, p2.enabled, p2.type, p2.schedule, p2.repositories, p2.clients, p2.variables),
            std::tie(p.name, p.enabled, p.type, p.schedule, p.repositories, p.clients, p.variables));
  EXPECT_EQ(std::tie(p2.exclude, p2.compression, p2.upload_limit, p2.timeout, p2.timeout_seconds),
            std::tie(p.exclude, p.compression, p.upload_limit, p.timeout, p.timeout_seconds));
  EXPECT_EQ(all.policies[1].schedule, "nightly");
}

TEST_F(Objects, names_are_taken_once) {
  for (const auto& answer :
       {ask<void>(&Store::put_schedule, load().schedules[0], true),
        ask<void>(&Store::put_client, load().clients[0], true),
        ask<void>(&Store::put_policy, load().policies[0], true, std::vector<Secret>{})}) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::name_taken) << answer.error().message;
  }
}

TEST_F(Objects, what_does_not_exist_cannot_be_changed) {
  Client client;
  client.name = "nobody";
  const auto answer = ask<void>(&Store::put_client, client, false);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::no_such_client);
  EXPECT_EQ(answer.error().message, "there is no client nobody");
}

TEST_F(Objects, a_repository_url_is_unique_and_stays) {
  Repository other;
  other.name = "other";
  other.url = "/srv/backup";
  auto answer = ask<void>(&Store::put_repository, other, true, std::vector<Secret>{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(holds(answer.error().message, "/srv/backup")) << answer.error().message;
  other.name = "local";
  other.url = "/srv/elsewhere";
  answer = ask<void>(&Store::put_repository, other, false, std::vector<Secret>{});
  ASSERT_FALSE(answer);
  EXPECT_TRUE(holds(answer.error().message, "/srv/elsewhere")) << answer.error().message;
}

TEST_F(Objects, policies_refer_to_what_exists_and_are_never_half_changed) {
  Policy p = etc();
  p.compression = "zlib";
  p.clients = {"web", "ghost"};
  auto answer = ask<void>(&Store::put_policy, p, false, std::vector<Secret>{});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::no_such_client);
  EXPECT_EQ(answer.error().message, "there is no client ghost");
  p.clients = {};
  p.repositories = {"ghost"};
  EXPECT_EQ(ask<void>(&Store::put_policy, p, false, std::vector<Secret>{}).error().code,
            ErrorCode::no_such_repository);
  p.repositories = {};
  p.schedule = "ghost";
  EXPECT_EQ(ask<void>(&Store::put_policy, p, false, std::vector<Secret>{}).error().code,
            ErrorCode::no_such_schedule);
  EXPECT_EQ(load().policies[0].compression, "lz4");
  EXPECT_EQ(load().policies[0].clients.size(), 2U);
}

TEST_F(Objects, secrets_come_along_and_only_sealed_bytes_are_stored) {
  const Secret secret{{"policy", "sql", "password"}, std::string{"\x01\0\xff sealed", 10}, ""};
  Policy p = etc();
  p.name = "sql";
  good(ask<void>(&Store::put_policy, p, true, std::vector<Secret>{secret}));
  auto stored = good(ask<std::optional<Secret>>(&Store::get_secret, secret.key));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->sealed, secret.sealed);
  good(ask<Removed>(&Store::remove_policy, std::string{"sql"}, false));
  EXPECT_FALSE(good(ask<std::optional<Secret>>(&Store::get_secret, secret.key)));
}

TEST_F(Objects, the_ssh_key_is_made_once) {
  EXPECT_FALSE(load().ssh_key);
  const auto first =
      good(ask<Secret>(&Store::put_secret_if_absent, Secret{kServerSshKey, "one", "ssh-ed25519 A"}));
  const auto second =
      good(ask<Secret>(&Store::put_secret_if_absent, Secret{kServerSshKey, "two", "ssh-ed25519 B"}));
  EXPECT_EQ(first.sealed, "one");
  EXPECT_EQ(second.sealed, "one");
  EXPECT_EQ(load().ssh_key->public_part, "ssh-ed25519 A");
}

TEST_F(Objects, settings) {
  good(ask<void>(&Store::set_setting, std::string{"jobs.limit"}, std::string{"16"}));
  good(ask<void>(&Store::set_setting, std::string{"jobs.limit"}, std::string{"8"}));
  EXPECT_EQ(load().settings, (std::map<std::string, std::string>{{"jobs.limit", "8"}}));
  good(ask<void>(&Store::set_setting, std::string{"jobs.limit"}, std::string{}));
  EXPECT_TRUE(load().settings.empty());
}

TEST_F(Objects, used_ones_are_not_removed_without_force) {
  const Error schedule = refused(ask<Removed>(&Store::remove_schedule, std::string{"nightly"}, false));
  EXPECT_EQ(schedule.code, ErrorCode::in_use);
  EXPECT_EQ(schedule.message, "schedule nightly is used by policy etc");
  EXPECT_TRUE(holds(schedule.hint, "--force"));
  EXPECT_EQ(refused(ask<Removed>(&Store::remove_client, std::string{"web"}, false)).code, ErrorCode::in_use);
  EXPECT_EQ(refused(ask<Removed>(&Store::remove_repository, std::string{"vault"}, false)).code,
            ErrorCode::in_use);
  EXPECT_EQ(refused(ask<Removed>(&Store::remove_client, std::string{"ghost"}, false)).code,
            ErrorCode::no_such_client);
}

TEST_F(Objects, force_takes_them_out_of_their_policies) {
  EXPECT_EQ(good(ask<Removed>(&Store::remove_schedule, std::string{"nightly"}, true)).at(0).schedule, "");
  EXPECT_EQ(good(ask<Removed>(&Store::remove_client, std::string{"web"}, true)).at(0).clients,
            std::vector<std::string>{"db"});
  EXPECT_EQ(good(ask<Removed>(&Store::remove_repository, std::string{"vault"}, true)).at(0).repositories,
            std::vector<std::string>{"local"});
  const Error last = refused(ask<Removed>(&Store::remove_repository, std::string{"local"}, true));
  EXPECT_EQ(last.code, ErrorCode::in_use);
  EXPECT_EQ(last.message, "repository local is the only one of policy etc");
  EXPECT_TRUE(good(ask<Removed>(&Store::remove_policy, std::string{"etc"}, false)).empty());
  EXPECT_TRUE(good(ask<Removed>(&Store::remove_repository, std::string{"local"}, false)).empty());
}

TEST_F(Objects, unfinished_jobs_hold_even_against_force) {
  const auto run = add_run();
  for (const auto& error : {refused(ask<Removed>(&Store::remove_client, std::string{"web"}, true)),
                            refused(ask<Removed>(&Store::remove_policy, std::string{"etc"}, true)),
                            refused(ask<Removed>(&Store::remove_repository, std::string{"vault"}, true))}) {
    EXPECT_EQ(error.code, ErrorCode::in_use);
    EXPECT_TRUE(holds(error.message, " unfinished job")) << error.message;
    EXPECT_TRUE(holds(error.message, std::to_string(run.jobs[2].id))) << error.message;
  }
}

TEST_F(Objects, history_archives_and_passphrases_outlive_what_they_are_about) {
  const auto run = add_run();
  finish(run.jobs[0].id, result(JobState::successful));
  finish(run.jobs[1].id, result(JobState::successful));
  JobResult backup = result(JobState::successful);
  backup.archive["id"] = kId;
  finish(run.jobs[2].id, backup);
  const Error error = refused(ask<Removed>(&Store::remove_policy, std::string{"etc"}, false));
  EXPECT_EQ(error.message, "policy etc is used by 3 jobs and 1 archive");
  good(ask<Removed>(&Store::remove_policy, std::string{"etc"}, true));
  good(ask<Removed>(&Store::remove_client, std::string{"web"}, true));
  good(ask<Removed>(&Store::remove_repository, std::string{"vault"}, true));

  EXPECT_EQ(
      good(ask<Page<Job>>(&Store::list_jobs, JobFilter{"etc", "web", "", {}, {}, 0}, 10U, std::int64_t{0}))
          .rows.size(),
      3U);
  EXPECT_EQ(good(ask<Archive>(&Store::get_archive, std::string{"etc-web-1"})).borg_url, kWebUrl);
  EXPECT_TRUE(good(ask<std::optional<Secret>>(&Store::get_secret, passphrase_key(kWebUrl))));
  ASSERT_EQ(load().borg_repositories.size(), 1U);
  EXPECT_TRUE(load().borg_repositories[0].ready);

  // Under another name, but at the same location: the same borg repository, ready, with its passphrase.
  Repository again;
  again.name = "vault2";
  again.url = "ssh://borg@vault/./{client}";
  good(ask<void>(&Store::put_repository, again, true, std::vector<Secret>{}));
  NewRun second;
  second.token = "00000000-0000-4000-8000-000000000002";
  second.borg_repositories = {{0, "vault2", "web", kWebUrl, false, ""}};
  second.secrets = {{passphrase_key(kWebUrl), "another", ""}};
  const auto ensured = good(ask<CreatedRun>(&Store::create_run, second)).borg_repositories;
  EXPECT_TRUE(ensured[0].ready);
  EXPECT_EQ(ensured[0].repository, "vault2");
  EXPECT_EQ(good(ask<std::optional<Secret>>(&Store::get_secret, passphrase_key(kWebUrl)))->sealed, "sealed");
}

TEST_F(Objects, what_was_never_prepared_is_forgotten) {
  const auto run = add_run();
  for (const auto& job : run.jobs) finish(job.id, result(JobState::canceled));
  good(ask<Removed>(&Store::remove_client, std::string{"web"}, true));
  EXPECT_TRUE(load().borg_repositories.empty());
  EXPECT_FALSE(good(ask<std::optional<Secret>>(&Store::get_secret, passphrase_key(kWebUrl))));
}

TEST_F(Objects, a_borg_repository_belongs_to_one_repository) {
  add_run();
  NewRun second;
  second.token = "00000000-0000-4000-8000-000000000002";
  second.borg_repositories = {{0, "local", "", kWebUrl, false, ""}};
  const auto answer = ask<CreatedRun>(&Store::create_run, second);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(holds(answer.error().message, kWebUrl)) << answer.error().message;
}

}  // namespace
}  // namespace cyborg::store::test
