// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/manager/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "unit/plan/fleet.h"

namespace cyborg::test {
namespace {

store::Snapshot configuration() {
  store::Snapshot made;
  for (const char* name : {"a", "b", "c"}) made.clients.push_back(client(name));
  for (const char* name : {"one", "two"}) {
    Repository& shared = made.repositories.emplace_back(repository(name, std::string{"/srv/"} + name));
    shared.shared = true;
    made.borg_repositories.push_back(borg_repository(name, "", shared.url));
  }
  Policy& etc = made.policies.emplace_back(policy("etc", {"a", "b", "c"}, {"one", "two"}));
  etc.keep.last = 1;
  // One client, one repository, nothing behind its backup.
  Policy& small = made.policies.emplace_back(policy("small", {"b"}, {"one"}));
  small.catalog = false;
  made.ssh_key = store::Secret{store::kServerSshKey, "sealed key", "public"};
  return made;
}

store::Archive archive(std::int64_t id, const std::string& of_client) {
  store::Archive made;
  made.id = id;
  made.name = fmt::format("old-{}", id);
  made.borg_id = std::string(64, 'a');
  made.policy = "etc";
  made.client = of_client;
  made.repository = "one";
  made.borg_url = "/srv/one";
  made.created = 10 - id;
  return made;
}

}  // namespace

World::Daemon::Daemon(World& world)
    : store(world.database),
      systemd(world.machine),
      files(world.machine),
      manager({{store, systemd, files, world.clock, publisher, secrets, log}}, Paths{}) {
  secrets.made = world.uuids_;
}

World::World() {
  database.configuration = configuration();
  for (const char* url : {"/srv/one", "/srv/two"}) {
    const store::Secret secret{store::passphrase_key(url), "sealed passphrase", ""};
    database.secrets[text_of(secret.key)] = secret;
  }
  for (const char* of_client : {"a", "b", "c"}) {
    database.archives.push_back(archive(of_client[0] - 'a' + 1, of_client));
  }
}

NewJob World::planned(JobKind kind, const std::string& of_client, const std::string& of_repository) {
  NewJob job;
  job.kind = kind;
  job.policy = "etc";
  job.client = of_client;
  job.repository = of_repository;
  if (!of_repository.empty()) job.borg_url = "/srv/" + of_repository;
  job.archive = fmt::format("archive-{}", ++made_);
  job.attempt = fmt::format("{:012x}-first", made_);
  if (kind == JobKind::restore) job.details["directory"] = "/tmp/x";
  return job;
}

std::vector<std::int64_t> World::add_run(std::vector<NewJob> jobs) {
  store::NewRun run;
  run.token = fmt::format("seeded {}", database.last_run + 1);
  run.jobs = std::move(jobs);
  std::vector<std::int64_t> ids;
  for (const auto& job : database.create_run(run).jobs) ids.push_back(job.id);
  return ids;
}

void World::construct() {
  daemon_ = std::make_unique<Daemon>(*this);
}

void World::boot() {
  construct();
  database_back();
}

void World::crash() {
  if (daemon_) uuids_ = daemon_->secrets.made;
  clock.forget_all();
  daemon_.reset();
}

void World::database_away() {
  manager().on_availability(false, "away");
  while (!store().calls.empty()) store().calls.answer(std::size_t{0}, Outcome::away);
  turn();
}

void World::database_back() {
  manager().on_availability(true, "");
  turn();
}

bool World::answer_one(Calls& calls, std::string_view except) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls.at(i).what.starts_with(except)) continue;
    calls.answer(i);
    turn();
    return true;
  }
  return false;
}

void World::settle(std::string_view except) {
  turn();
  while (answer_one(store().calls, except) || answer_one(systemd().calls, except)) turn();
}

bool World::run_out() {
  for (int i = 0; i < 1000; ++i) {
    settle();
    const auto unit =
        std::ranges::find_if(machine.units, [](const auto& entry) { return !entry.second.ended; });
    if (unit != machine.units.end()) {
      systemd().end(unit->first,
                    systemd().stopping.contains(unit->first) ? JobState::canceled : JobState::successful);
      continue;
    }
    if (!clock.advance()) return true;
  }
  return false;
}

bool World::all_ended() const {
  return std::ranges::all_of(database.jobs, [](const auto& entry) { return is_ended(entry.second.state); });
}

std::string World::violation() const {
  if (!machine.violations.empty()) return machine.violations.front();
  for (const auto& [id, unit] : machine.units) {
    const auto job = database.jobs.find(id);
    if (unit.ended || job == database.jobs.end()) continue;
    if (is_ended(job->second.state) && identity_of(job->second) == identity_of(unit.spec))
      return fmt::format("job {} is {}, and its unit runs", id, to_string(job->second.state));
  }
  for (const auto& [id, result] : database.results) {
    if (!database.jobs.contains(id)) continue;
    const bool by_itself =
        result.code.word() == "ok" || result.code.word() == "test" || result.code.word() == "connection-lost";
    const std::string right = identity_of(database.jobs.at(id));
    if (by_itself && result.message != right)
      return fmt::format("job {} ({}) has the result of {}", id, right, result.message);
  }
  return {};
}

}  // namespace cyborg::test
