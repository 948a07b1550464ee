// SPDX-License-Identifier: GPL-3.0-or-later
// Measures the store with 1,000 clients, 200 policies and 200,000 jobs of history. Prints figures and checks
// nothing: machines differ, and a timed test is a flaky one.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "cluster.h"
#include "store/operations.h"

namespace cyborg::store::test {
namespace {

using Clock = std::chrono::steady_clock;

// Each client is in 5 policies, each policy has 25 clients and one or two repositories.
constexpr const char* kFill = R"(
insert into schedule (name, crontab, calendar) values ('nightly', '0 3 * * *', '{*-*-* 3:0:0}');
insert into repository (name, url, encryption, transport)
  select 'vault' || n, 'ssh://borg@vault' || n || '/./{client}', 'repokey-blake2', 'relay' from generate_series(1, 4) n;
insert into client (name, address, ready) select 'client' || n, 'client' || n || '.example', true
  from generate_series(1, 1000) n;
insert into policy (name, type, schedule) select 'policy' || n, 'folders', 'nightly' from generate_series(1, 200) n;
insert into policy_repository select 'policy' || n, 'vault' || 1 + (n + r) % 4, r
  from generate_series(1, 200) n, generate_series(1, 2) r where r = 1 or n % 4 = 0;
insert into policy_client select distinct on (1, 2) 'policy' || 1 + (c + 40 * i) % 200, 'client' || c, c
  from generate_series(1, 1000) c, generate_series(0, 4) i;
insert into borg_repository (repository, client, url, ready)
  select 'vault' || r, 'client' || c, 'ssh://borg@vault' || r || '/./client' || c, true
  from generate_series(1, 4) r, generate_series(1, 1000) c;
insert into run (token, policy, actor) select gen_random_uuid(), 'policy' || 1 + n % 200, 'timer'
  from generate_series(1, 8000) n;
insert into job (run, kind, state, policy, client, repository, borg_url, archive, started, finished)
  select 1 + n / 25, case when n % 50 = 0 then 'prepare-client' else 'backup' end,
         case when n % 997 = 0 then 'failed' when n % 101 = 0 then 'warning' else 'successful' end,
         'policy' || 1 + (n / 25) % 200, 'client' || 1 + n % 1000, 'vault' || 1 + n % 4,
         'ssh://borg@vault' || 1 + n % 4 || '/./client' || 1 + n % 1000, 'archive-' || n, now(), now()
  from generate_series(0, 199999) n;
insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created)
  select b.id, j.archive, repeat('a', 64), j.id, j.policy, j.client, j.repository, j.finished
  from job j join borg_repository b on b.url = j.borg_url where j.kind = 'backup' and j.state <> 'failed';
insert into backup_status (policy, client, repository, last_success, last_end, last_end_state)
  select c.policy, c.client, r.repository, now(), now(), 'successful'
  from policy_client c join policy_repository r using (policy);
)";

template <typename Call>
void measure(const std::string& what, int times, Call call) {
  std::vector<double> all;
  for (int i = 0; i < times; ++i) {
    const auto start = Clock::now();
    const auto answer = call(i);
    if (!answer) throw std::runtime_error(what + ": " + answer.error().message);
    all.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::sort(all);
  fmt::print("{:<46} median {:8.2f} ms   p99 {:8.2f} ms\n", what, all[all.size() / 2],
             all[all.size() * 99 / 100]);
}

void measure_pages(Connection& db) {
  const std::vector<std::pair<std::string, JobFilter>> filters{
      {"no filter", {}},
      {"policy", {"policy7", "", "", {}, {}, 0}},
      {"client", {"", "client500", "", {}, {}, 0}},
      {"repository", {"", "", "vault2", {}, {}, 0}},
      {"kind backup", {"", "", "", JobKind::backup, {}, 0}},
      {"kind restore (none)", {"", "", "", JobKind::restore, {}, 0}},
      {"state failed", {"", "", "", {}, JobState::failed, 0}},
      {"state running (none)", {"", "", "", {}, JobState::running, 0}},
      {"state successful", {"", "", "", {}, JobState::successful, 0}},
      {"run", {"", "", "", {}, {}, 77}},
      {"policy, client and state", {"policy7", "client151", "", {}, JobState::successful, 0}},
      {"client that does not exist", {"", "ghost", "", {}, {}, 0}},
  };
  for (const auto& [what, filter] : filters) {
    measure("ListJobs, 50 of " + what, 200, [&](int) { return list_jobs(db, filter, 50, 0); });
    measure("  the same from the middle", 200, [&](int) { return list_jobs(db, filter, 50, 100'000); });
  }
  measure("ListJobs, 1000", 50, [&](int) { return list_jobs(db, {}, 1000, 0); });
  measure("ListArchives, 50 of a client", 200,
          [&](int) { return list_archives(db, {"", "client500", "", ""}, 50, 0); });
  measure("GetJob", 200, [&](int i) { return get_job(db, 1 + i * 900); });
  measure("fleet status", 50, [&](int) { return fleet_status(db); });
  measure("load", 20, [&](int) { return load(db); });
}

NewRun backups(int number, int jobs) {
  NewRun run;
  run.token = fmt::format("00000000-0000-4000-8000-{:012}", number);
  run.policy = "policy1";
  for (int i = 0; i < jobs; ++i) {
    NewJob& job = run.jobs.emplace_back();
    job.policy = "policy1";
    job.client = fmt::format("client{}", 1 + i);
    job.repository = "vault1";
    job.borg_url = fmt::format("ssh://borg@vault1/./client{}", 1 + i);
    job.archive = fmt::format("new-{}-{}", number, i);
  }
  return run;
}

void measure_changes(Connection& db) {
  std::vector<Job> jobs;
  measure("create_run with 1,000 jobs", 5,
          [&](int i) { return create_run(db, backups(10'000 + i, 1000), "here"); });
  measure("create_run with 1 job", 500, [&](int i) {
    auto created = create_run(db, backups(i, 1), "here");
    if (created) jobs.push_back(created->jobs[0]);
    return created;
  });
  measure("update_jobs, one to starting", 500, [&](int i) {
    return update_jobs(
        db, {{jobs[static_cast<std::size_t>(i)].id, JobState::starting, "", 1, "unit", {}, {}}}, "here");
  });
  measure("finish_job, a backup", 500, [&](int i) {
    JobResult result;
    result.state = JobState::successful;
    result.archive["id"] = std::string(64, 'b');
    return finish_job(db, jobs[static_cast<std::size_t>(i)].id, result, 0);
  });
}

std::int64_t resident_kib() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word) {
    if (word == "VmHWM:") break;
  }
  std::int64_t kib = 0;
  status >> kib;
  return kib;
}

void measure_output(Connection& db) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("cyborg-bench-{}", getpid());
  {
    std::ofstream file{path};
    for (int i = 0; i < 1'000'000; ++i) {
      file << fmt::format("6 {} A /srv/data/some/directory/of/files/number-{}/and-a-name-{}.dat\n",
                          1'767'225'600'000'000 + i, i / 100, i);
    }
  }
  const auto size = static_cast<double>(std::filesystem::file_size(path)) / 1e6;
  const auto before = resident_kib();
  const std::atomic<bool> stopping = false;
  measure(fmt::format("append_output, 1,000,000 lines, {:.0f} MB", size), 1,
          [&](int) { return append_output(db, 1, path.string(), true, stopping); });
  fmt::print("  peak memory grew by {} KiB\n", resident_kib() - before);
  measure("read_output, 1000 lines from the middle", 100,
          [&](int i) { return read_output(db, 1, 5000 * i, 1000); });
  std::filesystem::remove(path);
}

int run() {
  Cluster& cluster = Cluster::shared();
  const std::string database = cluster.create_database();
  cluster.execute(database, kFill);
  auto db = Connection::open(cluster.conninfo(database));
  if (!db) throw std::runtime_error(db.error().message);
  fmt::print("-- before any ANALYZE\n");
  measure_pages(*db);
  cluster.execute(database, "analyze");
  fmt::print("-- after it\n");
  measure_pages(*db);
  measure_changes(*db);
  measure_output(*db);
  return 0;
}

}  // namespace
}  // namespace cyborg::store::test

int main() {
  return cyborg::store::test::run();
}
