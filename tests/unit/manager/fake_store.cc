// SPDX-License-Identifier: GPL-3.0-or-later
#include "unit/manager/fake_store.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyborg::test {

std::string text_of(const store::SecretKey& key) {
  return fmt::format("{}/{}/{}", key.kind, key.owner, key.field);
}

store::CreatedRun Database::create_run(const store::NewRun& run) {
  store::CreatedRun created;
  if (const auto found = runs.find(run.token); found != runs.end()) {
    created.run = found->second;
    created.existed = true;
    for (const auto& [id, job] : jobs) {
      if (job.run == created.run) created.jobs.push_back(job);
    }
    return created;
  }
  created.run = ++last_run;
  runs[run.token] = created.run;
  ++now;
  const std::int64_t before = last_job;
  for (const auto& planned : run.jobs) {
    Job job;
    job.id = ++last_job;
    job.run = created.run;
    job.kind = planned.kind;
    job.policy = planned.policy;
    job.client = planned.client;
    job.repository = planned.repository;
    job.borg_url = planned.borg_url;
    job.archive = planned.archive;
    job.details = planned.details;
    job.attempt = planned.attempt;
    job.created = now;
    for (const std::size_t index : planned.after) job.after.push_back(before + 1 + static_cast<int>(index));
    job.after.insert(job.after.end(), planned.after_jobs.begin(), planned.after_jobs.end());
    job.state = job.after.empty() ? JobState::pending : JobState::waiting;
    jobs[job.id] = job;
    created.jobs.push_back(job);
  }
  created.borg_repositories = run.borg_repositories;
  for (const auto& borg : run.borg_repositories) configuration.borg_repositories.push_back(borg);
  for (const auto& secret : run.secrets) secrets.emplace(text_of(secret.key), secret);
  return created;
}

void Database::settle(std::int64_t ended, std::vector<Job>& changed) {
  for (auto& [id, job] : jobs) {
    if (std::ranges::find(job.after, ended) == job.after.end()) continue;
    const bool bad = std::ranges::any_of(job.after, [this](std::int64_t predecessor) {
      const JobState state = jobs.at(predecessor).state;
      return is_ended(state) && !is_good(state);
    });
    const bool free = std::ranges::all_of(
        job.after, [this](std::int64_t predecessor) { return is_good(jobs.at(predecessor).state); });
    if (job.state == JobState::waiting && bad) {
      job.state = JobState::skipped;
      job.finished = now;
    } else if (job.state == JobState::waiting && free) {
      job.state = JobState::pending;
      job.reason.clear();
    }
    if (job.state != JobState::pending && job.state != JobState::skipped) continue;
    changed.push_back(job);
    if (job.state == JobState::skipped) settle(id, changed);
  }
}

Expected<store::FinishedJob> Database::finish_job(std::int64_t id, const JobResult& result) {
  const auto found = jobs.find(id);
  if (found == jobs.end()) return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", id));
  Job& job = found->second;
  if (job.attempt != result.attempt)
    return fail(ErrorCode::no_such_job, fmt::format("job {} has another attempt", id));
  store::FinishedJob finished;
  finished.repeated = is_ended(job.state);
  if (!finished.repeated) {
    job.state = result.state;
    job.reason = result.message;
    job.finished = now;
    results[id] = result;
    for (auto& client : configuration.clients) {
      if (job.kind == JobKind::prepare_client && client.name == job.client && is_good(job.state))
        client.ready = true;
    }
    for (auto& borg : configuration.borg_repositories) {
      if (job.kind == JobKind::prepare_repository && borg.url == job.borg_url && is_good(job.state))
        borg.ready = true;
    }
  }
  finished.job = job;
  settle(id, finished.dependants);
  for (const auto& client : configuration.clients) {
    if (job.kind == JobKind::prepare_client && client.name == job.client) finished.client = client;
  }
  for (const auto& borg : configuration.borg_repositories) {
    if (job.kind == JobKind::prepare_repository && borg.url == job.borg_url) finished.borg_repository = borg;
  }
  return finished;
}

std::vector<std::int64_t> Database::update_jobs(const std::vector<store::JobUpdate>& updates) {
  std::vector<std::int64_t> ended;
  for (const auto& update : updates) {
    const auto found = jobs.find(update.id);
    if (found == jobs.end() || is_ended(found->second.state)) {
      ended.push_back(update.id);
      continue;
    }
    Job& job = found->second;
    if (update.state) job.state = *update.state;
    if (update.reason) job.reason = *update.reason;
    if (update.started) job.started = *update.started;
    if (update.details) job.details = *update.details;
    if (update.archive) job.archive = *update.archive;
    if (update.attempt) job.attempt = *update.attempt;
  }
  return ended;
}

store::Snapshot Database::load() const {
  store::Snapshot snapshot = configuration;
  for (const auto& [id, job] : jobs) {
    if (!is_ended(job.state)) snapshot.jobs.push_back(job);
  }
  return snapshot;
}

template <typename T>
void FakeStore::empty(const char* what, Done<T> done) {
  calls.add<T>(what, std::move(done), []() -> Expected<T> { return {}; });
}

void FakeStore::load(Done<store::Snapshot> done) {
  calls.add<store::Snapshot>("load", std::move(done), [this] { return database_.load(); });
}

void FakeStore::create_run(store::NewRun run, Done<store::CreatedRun> done) {
  calls.add<store::CreatedRun>("create_run", std::move(done),
                               [this, run = std::move(run)] { return database_.create_run(run); });
}

void FakeStore::update_jobs(std::vector<store::JobUpdate> updates, Done<std::vector<std::int64_t>> done) {
  std::string what = "update_jobs";
  for (const auto& update : updates) {
    what += fmt::format(" {} {}", update.id, update.state ? to_string(*update.state) : "");
  }
  calls.add<std::vector<std::int64_t>>(
      std::move(what), std::move(done),
      [this, updates = std::move(updates)] { return database_.update_jobs(updates); });
}

void FakeStore::finish_job(std::int64_t id, JobResult result, Microseconds, Done<store::FinishedJob> done) {
  std::string what = fmt::format("finish_job {} {} {}", id, to_string(result.state), result.code.word());
  calls.add<store::FinishedJob>(std::move(what), std::move(done), [this, id, result = std::move(result)] {
    return database_.finish_job(id, result);
  });
}

void FakeStore::get_job(std::int64_t id, Done<store::JobRecord> done) {
  calls.add<store::JobRecord>(fmt::format("get_job {}", id), std::move(done),
                              [this, id]() -> Expected<store::JobRecord> {
                                const auto found = database_.jobs.find(id);
                                if (found == database_.jobs.end())
                                  return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", id));
                                store::JobRecord record;
                                record.job = found->second;
                                return record;
                              });
}

void FakeStore::get_series(std::string policy, std::string client, std::string borg_url, std::string,
                           Done<store::Series> done) {
  std::string what = fmt::format("get_series {} {}", policy, client);
  calls.add<store::Series>(std::move(what), std::move(done),
                           [this, policy = std::move(policy), client = std::move(client),
                            borg_url = std::move(borg_url)]() -> Expected<store::Series> {
                             store::Series series;
                             for (const auto& archive : database_.archives) {
                               if (archive.policy != policy || archive.client != client) continue;
                               RetentionArchive& one = series.archives.emplace_back();
                               one.id = archive.id;
                               one.name = archive.name;
                               one.borg_id = archive.borg_id;
                               one.created = archive.created;
                             }
                             return series;
                           });
}

void FakeStore::get_archive(std::string name, Done<store::Archive> done) {
  const std::string call = "get_archive " + name;
  calls.add<store::Archive>(
      call, std::move(done), [this, name = std::move(name)]() -> Expected<store::Archive> {
        const auto found = std::ranges::find(database_.archives, name, &store::Archive::name);
        if (found == database_.archives.end())
          return fail(ErrorCode::no_such_archive, "there is no archive " + name);
        return *found;
      });
}

void FakeStore::update_archive(std::string name, store::ArchiveUpdate, Done<store::Archive> done) {
  get_archive(std::move(name), std::move(done));
}

void FakeStore::put_secret_if_absent(store::Secret secret, Done<store::Secret> done) {
  calls.add<store::Secret>("put_secret_if_absent", std::move(done),
                           [this, secret = std::move(secret)]() -> Expected<store::Secret> {
                             auto kept = database_.secrets.emplace(text_of(secret.key), secret).first->second;
                             if (secret.key == store::kServerSshKey) database_.configuration.ssh_key = kept;
                             return kept;
                           });
}

void FakeStore::get_secret(store::SecretKey key, Done<std::optional<store::Secret>> done) {
  std::string what = fmt::format("get_secret {}", text_of(key));
  calls.add<std::optional<store::Secret>>(
      std::move(what), std::move(done),
      [this, key = std::move(key)]() -> Expected<std::optional<store::Secret>> {
        const auto found = database_.secrets.find(text_of(key));
        if (found == database_.secrets.end()) return std::nullopt;
        return found->second;
      });
}

void FakeStore::append_output(std::int64_t job, std::string, bool complete, Done<std::int64_t> done) {
  calls.add<std::int64_t>(fmt::format("append_output {}", job), std::move(done),
                          [this, job, complete]() -> Expected<std::int64_t> {
                            if (!database_.jobs.contains(job))
                              return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", job));
                            if (complete) database_.output.insert(job);
                            return 0;
                          });
}

void FakeStore::set_setting(std::string name, std::string value, Done<void> done) {
  calls.add<void>("set_setting", std::move(done), [this, name, value]() -> Expected<void> {
    database_.configuration.settings[name] = value;
    return {};
  });
}

void FakeStore::put_schedule(Schedule, bool, Done<void> done) {
  empty<void>("put_schedule", std::move(done));
}
void FakeStore::put_repository(Repository, bool, std::vector<store::Secret>, Done<void> done) {
  empty<void>("put_repository", std::move(done));
}
void FakeStore::put_client(Client, bool, Done<void> done) {
  empty<void>("put_client", std::move(done));
}
void FakeStore::put_policy(Policy, bool, std::vector<store::Secret>, Done<void> done) {
  empty<void>("put_policy", std::move(done));
}
void FakeStore::remove_schedule(std::string, bool, Done<std::vector<Policy>> done) {
  empty<std::vector<Policy>>("remove_schedule", std::move(done));
}
void FakeStore::remove_repository(std::string, bool, Done<std::vector<Policy>> done) {
  empty<std::vector<Policy>>("remove_repository", std::move(done));
}
void FakeStore::remove_client(std::string, bool, Done<std::vector<Policy>> done) {
  empty<std::vector<Policy>>("remove_client", std::move(done));
}
void FakeStore::remove_policy(std::string, bool, Done<std::vector<Policy>> done) {
  empty<std::vector<Policy>>("remove_policy", std::move(done));
}
void FakeStore::forget_keys(std::vector<std::string>, Done<void> done) {
  empty<void>("forget_keys", std::move(done));
}
void FakeStore::forget_history(Microseconds, std::int64_t, Done<store::ForgottenHistory> done) {
  empty<store::ForgottenHistory>("forget_history", std::move(done));
}
void FakeStore::list_jobs(store::JobFilter, std::uint32_t, std::int64_t, Done<store::Page<Job>> done) {
  empty<store::Page<Job>>("list_jobs", std::move(done));
}
void FakeStore::list_archives(store::ArchiveFilter, std::uint32_t, std::int64_t,
                              Done<store::Page<store::Archive>> done) {
  empty<store::Page<store::Archive>>("list_archives", std::move(done));
}
void FakeStore::foresee_removal(store::ForecastRequest, Done<Microseconds> done) {
  empty<Microseconds>("foresee_removal", std::move(done));
}
void FakeStore::list_repository_archives(std::vector<std::string>, std::string, std::uint32_t, std::int64_t,
                                         Done<store::Page<store::RepositoryArchive>> done) {
  empty<store::Page<store::RepositoryArchive>>("list_repository_archives", std::move(done));
}
void FakeStore::find_files(std::string, store::FileFilter, std::uint32_t, std::string,
                           Done<store::FilePage> done) {
  empty<store::FilePage>("find_files", std::move(done));
}
void FakeStore::list_files(std::string, std::string, std::uint32_t, std::string,
                           Done<store::FilesPage> done) {
  empty<store::FilesPage>("list_files", std::move(done));
}
void FakeStore::diff_archives(std::string, std::string, std::uint32_t, std::int64_t,
                              Done<store::DiffPage> done) {
  empty<store::DiffPage>("diff_archives", std::move(done));
}
void FakeStore::file_history(std::string, std::string, std::uint32_t, std::string,
                             Done<store::FilePage> done) {
  empty<store::FilePage>("file_history", std::move(done));
}
void FakeStore::drop_catalog(std::string, Done<std::vector<store::Archive>> done) {
  empty<std::vector<store::Archive>>("drop_catalog", std::move(done));
}
void FakeStore::fleet_status(Done<std::vector<store::FleetRow>> done) {
  empty<std::vector<store::FleetRow>>("fleet_status", std::move(done));
}
void FakeStore::maintenance_status(Done<store::MaintenanceStatus> done) {
  empty<store::MaintenanceStatus>("maintenance_status", std::move(done));
}
void FakeStore::read_output(std::int64_t, std::int64_t, std::uint32_t, Done<store::OutputPage> done) {
  empty<store::OutputPage>("read_output", std::move(done));
}

}  // namespace cyborg::test
