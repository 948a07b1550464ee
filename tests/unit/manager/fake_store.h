// SPDX-License-Identifier: GPL-3.0-or-later
// A store in memory. The database is a value: a failover returns to a copy of it, and it outlives the daemon
// that a test restarts.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "store/store.h"
#include "unit/manager/calls.h"

namespace cyborg::test {

struct Database {
  store::Snapshot configuration;  // without jobs
  std::map<std::int64_t, Job> jobs;
  std::map<std::int64_t, JobResult> results;
  std::map<std::string, std::int64_t> runs;  // by token
  std::map<std::string, store::Secret> secrets;
  std::set<std::int64_t> output;  // jobs whose output is stored
  std::vector<store::Archive> archives;
  std::int64_t last_run = 0, last_job = 0;
  Microseconds now = 1;  // advances with each run, so that no two jobs have the same time

  // Creates a run and its jobs, in the given order.
  store::CreatedRun create_run(const store::NewRun& run);
  Expected<store::FinishedJob> finish_job(std::int64_t id, const JobResult& result);
  std::vector<std::int64_t> update_jobs(const std::vector<store::JobUpdate>& updates);
  store::Snapshot load() const;

 private:
  void settle(std::int64_t ended, std::vector<Job>& changed);
};

class FakeStore : public store::Store {
 public:
  explicit FakeStore(Database& database) : database_(database) {}

  template <typename T>
  using Done = store::Done<T>;

  void load(Done<store::Snapshot> done) override;
  void put_schedule(Schedule schedule, bool create, Done<void> done) override;
  void put_repository(Repository repository, bool create, std::vector<store::Secret> secrets,
                      Done<void> done) override;
  void put_client(Client client, bool create, Done<void> done) override;
  void put_policy(Policy policy, bool create, std::vector<store::Secret> secrets, Done<void> done) override;
  void remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done) override;
  void remove_repository(std::string name, bool force, Done<std::vector<Policy>> done) override;
  void remove_client(std::string name, bool force, Done<std::vector<Policy>> done) override;
  void remove_policy(std::string name, bool force, Done<std::vector<Policy>> done) override;
  void forget_keys(std::vector<std::string> borg_urls, Done<void> done) override;
  void create_run(store::NewRun run, Done<store::CreatedRun> done) override;
  void update_jobs(std::vector<store::JobUpdate> updates, Done<std::vector<std::int64_t>> done) override;
  void finish_job(std::int64_t id, JobResult result, Microseconds finished,
                  Done<store::FinishedJob> done) override;
  void forget_history(Microseconds before, std::int64_t after, Done<store::ForgottenHistory> done) override;
  void list_jobs(store::JobFilter filter, std::uint32_t limit, std::int64_t cursor,
                 Done<store::Page<Job>> done) override;
  void get_job(std::int64_t id, Done<store::JobRecord> done) override;
  void list_archives(store::ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                     Done<store::Page<store::Archive>> done) override;
  void get_archive(std::string name, Done<store::Archive> done) override;
  void update_archive(std::string name, store::ArchiveUpdate update, Done<store::Archive> done) override;
  void get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                  Done<store::Series> done) override;
  void foresee_removal(store::ForecastRequest request, Done<Microseconds> done) override;
  void list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                std::int64_t cursor,
                                Done<store::Page<store::RepositoryArchive>> done) override;
  void find_files(std::string pattern, store::FileFilter filter, std::uint32_t limit, std::string cursor,
                  Done<store::FilePage> done) override;
  void list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                  Done<store::FilesPage> done) override;
  void diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                     Done<store::DiffPage> done) override;
  void file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                    Done<store::FilePage> done) override;
  void drop_catalog(std::string client, Done<std::vector<store::Archive>> done) override;
  void fleet_status(Done<std::vector<store::FleetRow>> done) override;
  void maintenance_status(Done<store::MaintenanceStatus> done) override;
  void set_setting(std::string name, std::string value, Done<void> done) override;
  void put_secret_if_absent(store::Secret secret, Done<store::Secret> done) override;
  void get_secret(store::SecretKey key, Done<std::optional<store::Secret>> done) override;
  void append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done) override;
  void read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit,
                   Done<store::OutputPage> done) override;

  Calls calls;

 private:
  // For queries that do not matter here: returns an empty answer.
  template <typename T>
  void empty(const char* what, Done<T> done);

  Database& database_;
};

std::string text_of(const store::SecretKey& key);

}  // namespace cyborg::test
