// SPDX-License-Identifier: GPL-3.0-or-later
#include "fixture.h"

namespace cyborg::store::test {

Policy StoreTest::etc() {
  Policy policy;
  policy.name = "etc";
  policy.type = "config";
  policy.schedule = "nightly";
  policy.repositories = {"vault", "local"};
  policy.clients = {"web", "db"};
  return policy;
}

void StoreTest::add_objects() {
  Schedule nightly;
  nightly.name = "nightly";
  nightly.crontab = "0 3 * * *";
  nightly.calendar = {"*-*-* 3:0:0"};
  good(ask<void>(&Store::put_schedule, nightly, true));
  for (const auto& [name, url] :
       {std::pair{"vault", "ssh://borg@vault/./{client}"}, {"local", "/srv/backup"}}) {
    Repository repository;
    repository.name = name;
    repository.url = url;
    good(ask<void>(&Store::put_repository, repository, true, std::vector<Secret>{}));
  }
  for (const char* name : {"web", "db"}) {
    Client client;
    client.name = name;
    good(ask<void>(&Store::put_client, client, true));
  }
  put(etc());
}

NewRun StoreTest::new_run(const std::string& token, Microseconds scheduled) {
  NewRun run;
  run.token = token;
  run.policy = "etc";
  run.scheduled = scheduled;
  run.actor = "test";
  NewJob client{JobKind::prepare_client, "etc", "web", "", "", "", "", Json::objectValue, {}, {}};
  NewJob repository{JobKind::prepare_repository, "etc", "web", "vault", kWebUrl, "", "",
                    Json::objectValue,           {},    {}};
  NewJob backup{JobKind::backup,   "etc",  "web", "vault", kWebUrl, "etc-web-1", "",
                Json::objectValue, {0, 1}, {}};
  run.jobs = {client, repository, backup};
  run.borg_repositories = {{0, "vault", "web", kWebUrl, false, ""}};
  run.secrets = {{passphrase_key(kWebUrl), "sealed", ""}};
  return run;
}

CreatedRun StoreTest::add_run(const std::string& token, Microseconds scheduled) {
  return good(ask<CreatedRun>(&Store::create_run, new_run(token, scheduled)));
}

JobResult StoreTest::result(JobState state, const std::string& message) {
  JobResult result;
  result.state = state;
  result.code = AnyCode{state == JobState::successful ? "ok" : "test"};
  result.message = message;
  return result;
}

}  // namespace cyborg::store::test
