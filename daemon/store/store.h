// SPDX-License-Identifier: GPL-3.0-or-later
// The state of cyborgd, accessed only through the Store: it answers requests later, on the event loop's
// thread. PostgresStore is the real one; tests have one in memory.
//
// While the database is away, every operation fails with ErrorCode::unavailable within seconds, and so does a
// transaction whose COMMIT got no answer. All mutations can therefore simply be repeated: the second time
// they find the work done and return the same.
#pragma once

#include <functional>

#include "core/error.h"
#include "store/records.h"

namespace cyborg::store {

// Called once, later, on the event loop's thread; never from within the call that took it.
template <typename T>
using Done = std::function<void(Expected<T>)>;

class Store {
 public:
  virtual ~Store() = default;

  virtual void load(Done<Snapshot> done) = 0;

  // create: fails with name_taken if the object exists; otherwise fails with no_such_… if it does not.
  // References to objects that do not exist fail with no_such_…, naming them. Secrets are stored in the same
  // transaction. A borg repository with a new passphrase is not ready until it was prepared with it. The url
  // and encryption of a repository cannot be changed. The facts of a client's preparation are stored as
  // given.
  virtual void put_schedule(Schedule schedule, bool create, Done<void> done) = 0;
  virtual void put_repository(Repository repository, bool create, std::vector<Secret> secrets,
                              Done<void> done) = 0;
  virtual void put_client(Client client, bool create, Done<void> done) = 0;
  virtual void put_policy(Policy policy, bool create, std::vector<Secret> secrets, Done<void> done) = 0;

  // Without force, fails with in_use, naming the dependants, while policies (for a schedule, also
  // repositories) use the object or history mentions it. With force, the object is removed from its
  // dependants; history stays, by name. Unfinished jobs and a policy's last repository prevent even that.
  // Prepared borg repositories keep their row and passphrase. Returns the policies that changed.
  virtual void remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_repository(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_client(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_policy(std::string name, bool force, Done<std::vector<Policy>> done) = 0;

  // Removing their lines on repository hosts is left to the administrator.
  virtual void forget_keys(std::vector<std::string> borg_urls, Done<void> done) = 0;

  virtual void create_run(NewRun run, Done<CreatedRun> done) = 0;
  // Updates all or none, in one transaction; ended jobs stay unchanged, and their ids are returned.
  virtual void update_jobs(std::vector<JobUpdate> updates, Done<std::vector<std::int64_t>> done) = 0;
  // Ends a job, by its result or by a decision (canceled, error: fill state, code and message), with all
  // effects in one transaction: facts, archive, fleet status, dependants. finished 0: now. If the job has
  // another attempt than the result, fails with no_such_job: its number was reused.
  virtual void finish_job(std::int64_t id, JobResult result, Microseconds finished,
                          Done<FinishedJob> done) = 0;

  // Deletes a batch of jobs after this one that ended before the time, with their output, unless they are
  // needed: see history.cc. A run is deleted with its last job.
  virtual void forget_history(Microseconds before, std::int64_t after, Done<ForgottenHistory> done) = 0;

  virtual void list_jobs(JobFilter filter, std::uint32_t limit, std::int64_t cursor,
                         Done<Page<Job>> done) = 0;
  virtual void get_job(std::int64_t id, Done<JobRecord> done) = 0;
  virtual void list_archives(ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                             Done<Page<Archive>> done) = 0;
  // name, or REPOSITORY::NAME if two repositories have an archive of that name.
  virtual void get_archive(std::string name, Done<Archive> done) = 0;
  virtual void update_archive(std::string name, ArchiveUpdate update, Done<Archive> done) = 0;
  // zone: the time zone of the periods that retention counts; empty: the database server's.
  virtual void get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                          Done<Series> done) = 0;

  // When retention will remove an archive of the series, by plan/retention.h's Forecast; 0: not predictable.
  virtual void foresee_removal(ForecastRequest request, Done<Microseconds> done) = 0;
  // Lists the archives of these borg repositories, newest first; state: only archives in that state. The
  // cursor is the number of rows already shown.
  virtual void list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                        std::int64_t cursor, Done<Page<RepositoryArchive>> done) = 0;

  // See core/file_pattern.h.
  virtual void find_files(std::string pattern, FileFilter filter, std::uint32_t limit, std::string cursor,
                          Done<FilePage> done) = 0;
  // Lists one directory, or the file of that path. Paths have no leading slash; the top directory is empty.
  virtual void list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                          Done<FilesPage> done) = 0;
  virtual void diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                             Done<DiffPage> done) = 0;
  virtual void file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                            Done<FilePage> done) = 0;
  // Returns the client's archives, oldest first, from which a new catalog can be built.
  virtual void drop_catalog(std::string client, Done<std::vector<Archive>> done) = 0;
  virtual void fleet_status(Done<std::vector<FleetRow>> done) = 0;
  virtual void maintenance_status(Done<MaintenanceStatus> done) = 0;

  virtual void set_setting(std::string name, std::string value,
                           Done<void> done) = 0;  // empty: restores the default
  // Keeps an existing secret; returns the stored one.
  virtual void put_secret_if_absent(Secret secret, Done<Secret> done) = 0;
  virtual void get_secret(SecretKey key, Done<std::optional<Secret>> done) = 0;

  // Stores the rest of a job's output file (see core/job_spec.h), in bounded memory. `complete`: the job
  // prints no more, so a last line without an end is stored, too. Returns the number of lines stored. May be
  // repeated after any interruption, also when the file has grown. A missing file is treated as empty.
  virtual void append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done) = 0;
  virtual void read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit,
                           Done<OutputPage> done) = 0;
};

}  // namespace cyborg::store
