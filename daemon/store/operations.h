// SPDX-License-Identifier: GPL-3.0-or-later
// The operations of the store on a connection: plain functions that block. PostgresStore runs them on its
// workers; store.h documents them.
#pragma once

#include <atomic>

#include "store/connection.h"
#include "store/records.h"

namespace cyborg::store {

Expected<Snapshot> load(Connection& db);

// objects.cc
Expected<void> put_schedule(Connection& db, const Schedule& schedule, bool create);
Expected<void> put_repository(Connection& db, const Repository& repository, bool create,
                              const std::vector<Secret>& secrets);
Expected<void> put_client(Connection& db, const Client& client, bool create);
Expected<void> put_policy(Connection& db, const Policy& policy, bool create,
                          const std::vector<Secret>& secrets);
Expected<std::vector<Schedule>> read_schedules(Connection& db);
// Reads all, or only the one of that name.
Expected<std::vector<Repository>> read_repositories(Connection& db, const std::string& name = {});
Expected<std::vector<Client>> read_clients(Connection& db, const std::string& name = {});
Expected<std::vector<Policy>> read_policies(Connection& db, const std::vector<std::string>* names = nullptr);

// removal.cc
Expected<std::vector<Policy>> remove_schedule(Connection& db, const std::string& name, bool force);
Expected<std::vector<Policy>> remove_repository(Connection& db, const std::string& name, bool force);
Expected<std::vector<Policy>> remove_client(Connection& db, const std::string& name, bool force);
Expected<std::vector<Policy>> remove_policy(Connection& db, const std::string& name, bool force);

// borg_repositories.cc
Expected<std::vector<BorgRepository>> read_borg_repositories(Connection& db, const std::string& url = {});
// Must be called inside a transaction.
Expected<std::vector<BorgRepository>> ensure_borg_repositories(Connection& db,
                                                               const std::vector<BorgRepository>& wanted,
                                                               const std::vector<Secret>& secrets_if_absent);

Expected<void> forget_keys(Connection& db, const std::vector<std::string>& borg_urls);

// runs.cc
Expected<CreatedRun> create_run(Connection& db, const NewRun& run, const std::string& node);

// dependants.cc; must be called inside a transaction.
// Decides the waiting jobs among these, and then their dependants: pending when all predecessors succeeded,
// skipped when one did not. Returns the ids of the skipped jobs.
Expected<std::vector<std::int64_t>> settle(Connection& db, std::vector<std::int64_t> candidates,
                                           Microseconds now);
// Reads the jobs that wait for this one, directly or indirectly, and are now pending or skipped.
Expected<std::vector<Job>> read_dependants(Connection& db, std::int64_t id);
// Records the ended backups among these jobs in the fleet's status.
Expected<void> note_backup_status(Connection& db, const std::vector<std::int64_t>& ids);

// Does both for jobs that have ended.
Expected<void> note_status(Connection& db, const std::vector<std::int64_t>& ids);

// maintenance.cc
// Does the same for prunes, compactions and checks.
Expected<void> note_maintenance_status(Connection& db, const std::vector<std::int64_t>& ids);
Expected<void> note_damage(Connection& db, const Job& job, const JobResult& result);
Expected<MaintenanceStatus> maintenance_status(Connection& db);

// jobs.cc
Expected<std::vector<std::int64_t>> update_jobs(Connection& db, const std::vector<JobUpdate>& updates,
                                                const std::string& node);
Expected<std::vector<Job>> read_jobs(Connection& db, const char* where, const Params& params);
Expected<Page<Job>> list_jobs(Connection& db, const JobFilter& filter, std::uint32_t limit,
                              std::int64_t cursor);
Expected<JobRecord> get_job(Connection& db, std::int64_t id);

// finish.cc
Expected<FinishedJob> finish_job(Connection& db, std::int64_t id, const JobResult& result,
                                 Microseconds finished);

// history.cc
Expected<ForgottenHistory> forget_history(Connection& db, Microseconds before, std::int64_t after);

// archives.cc
Expected<Page<Archive>> list_archives(Connection& db, const ArchiveFilter& filter, std::uint32_t limit,
                                      std::int64_t cursor);
// All, oldest first.
Expected<std::vector<Archive>> archives_of_client(Connection& db, const std::string& client);
Expected<Archive> get_archive(Connection& db, const std::string& name);
Expected<Archive> update_archive(Connection& db, const std::string& name, const ArchiveUpdate& update);
Expected<Series> get_series(Connection& db, const std::string& policy, const std::string& client,
                            const std::string& borg_url, const std::string& zone);
Expected<std::vector<Archive>> read_archives(Connection& db, const std::string& where, const Params& params);
Expected<std::optional<Archive>> read_archive_of_job(Connection& db, std::int64_t job);
Expected<std::vector<FleetRow>> fleet_status(Connection& db);

// listing.cc; must be called inside a transaction.
// Records a listing of a borg repository in the history; returns the result to store, which has counts
// instead of archives.
Expected<JobResult> take_listing(Connection& db, const Job& job, const JobResult& result);
// Reads the archives that this job imported, oldest first, if the catalog can take them in that order.
Expected<std::vector<Archive>> read_imported(Connection& db, const Job& job);
Expected<Page<RepositoryArchive>> list_repository_archives(Connection& db,
                                                           const std::vector<std::string>& urls,
                                                           const std::string& state, std::uint32_t limit,
                                                           std::int64_t cursor);

// forecast.cc
Expected<Microseconds> foresee_removal(Connection& db, const ForecastRequest& request);

// catalog.cc
Expected<FilePage> find_files(Connection& db, const std::string& pattern, const FileFilter& filter,
                              std::uint32_t limit, const std::string& cursor);
Expected<FilesPage> list_files(Connection& db, const std::string& archive, const std::string& path,
                               std::uint32_t limit, const std::string& cursor);
Expected<DiffPage> diff_archives(Connection& db, const std::string& a, const std::string& b,
                                 std::uint32_t limit, std::int64_t cursor);
Expected<FilePage> file_history(Connection& db, const std::string& client, const std::string& path,
                                std::uint32_t limit, const std::string& cursor);
Expected<std::vector<Archive>> drop_catalog(Connection& db, const std::string& client);

// settings.cc
Expected<std::map<std::string, std::string>> read_settings(Connection& db);
Expected<void> set_setting(Connection& db, const std::string& name, const std::string& value);
Expected<void> put_secrets(Connection& db, const std::vector<Secret>& secrets, bool if_absent);
Expected<Secret> put_secret_if_absent(Connection& db, const Secret& secret);
Expected<std::optional<Secret>> get_secret(Connection& db, const SecretKey& key);

// output.cc
// Stops between transactions, with ErrorCode::unavailable, when `stopping` becomes true.
Expected<std::int64_t> append_output(Connection& db, std::int64_t job, const std::string& path, bool complete,
                                     const std::atomic<bool>& stopping);
Expected<OutputPage> read_output(Connection& db, std::int64_t job, std::int64_t first_line,
                                 std::uint32_t limit);

// Pages have 1 to 1000 rows, as on the bus.
constexpr std::uint32_t kLongestPage = 1000;

}  // namespace cyborg::store
