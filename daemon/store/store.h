// The state of cyborgd. The only door: whoever wants something stored or found asks the Store, which answers
// later, on the event loop's thread. PostgresStore is the real one; tests have one in memory.
//
// While the database is away every operation fails with ErrorCode::unavailable within seconds, and so does a
// transaction whose COMMIT got no answer. All mutations can therefore simply be repeated: the second time
// they find the work done and say so.
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

  // create: fails with name_taken if it exists; else fails with no_such_… if it does not. References to
  // objects that do not exist fail with no_such_…, naming them. Secrets go into the same transaction.
  // A borg repository with a new passphrase is not ready before it was prepared with that.
  // A repository's url and encryption cannot be changed. What a client's preparation found is stored as
  // given.
  virtual void put_schedule(Schedule schedule, bool create, Done<void> done) = 0;
  virtual void put_repository(Repository repository, bool create, std::vector<Secret> secrets,
                              Done<void> done) = 0;
  virtual void put_client(Client client, bool create, Done<void> done) = 0;
  virtual void put_policy(Policy policy, bool create, std::vector<Secret> secrets, Done<void> done) = 0;

  // Without force, refused (in_use, naming what depends) while policies use the object (a schedule: or
  // repositories), or history mentions it. With force it is taken out of them, and history stays, by name.
  // Even so refused: unfinished jobs, and a policy's last repository. Borg repositories that were prepared
  // keep their row and passphrase. Returns the policies that changed.
  virtual void remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_repository(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_client(std::string name, bool force, Done<std::vector<Policy>> done) = 0;
  virtual void remove_policy(std::string name, bool force, Done<std::vector<Policy>> done) = 0;

  // Their lines on repository hosts are somebody else's to remove.
  virtual void forget_keys(std::vector<std::string> borg_urls, Done<void> done) = 0;

  virtual void create_run(NewRun run, Done<CreatedRun> done) = 0;
  // All or none, in one transaction; jobs that have ended stay as they are, their ids are returned.
  virtual void update_jobs(std::vector<JobUpdate> updates, Done<std::vector<std::int64_t>> done) = 0;
  // Ends a job, by its result or by decision (canceled, error: fill state, code and message), with all that
  // follows from it, in one transaction: facts, archive, fleet status, dependants. finished 0: now. A job
  // that has another attempt than the result fails with no_such_job: its number was given again.
  virtual void finish_job(std::int64_t id, JobResult result, Microseconds finished,
                          Done<FinishedJob> done) = 0;

  // A part of the jobs after this one: those that ended before then go, with their output, unless something
  // needs them: see history.cc. Runs go when their jobs are gone.
  virtual void forget_history(Microseconds before, std::int64_t after, Done<ForgottenHistory> done) = 0;

  virtual void list_jobs(JobFilter filter, std::uint32_t limit, std::int64_t cursor,
                         Done<Page<Job>> done) = 0;
  virtual void get_job(std::int64_t id, Done<JobRecord> done) = 0;
  virtual void list_archives(ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                             Done<Page<Archive>> done) = 0;
  // name, or REPOSITORY::NAME where two repositories have an archive of that name.
  virtual void get_archive(std::string name, Done<Archive> done) = 0;
  virtual void update_archive(std::string name, ArchiveUpdate update, Done<Archive> done) = 0;
  // zone: of the calendar periods that retention counts; empty: the database server's.
  virtual void get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                          Done<Series> done) = 0;

  // When retention will remove an archive of the series, by plan/retention.h's Forecast; 0: not foreseeable.
  virtual void foresee_removal(ForecastRequest request, Done<Microseconds> done) = 0;
  // Of these borg repositories, the newest first; state: only those. The cursor is how many were shown
  // before.
  virtual void list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                        std::int64_t cursor, Done<Page<RepositoryArchive>> done) = 0;

  // See core/file_pattern.h.
  virtual void find_files(std::string pattern, FileFilter filter, std::uint32_t limit, std::string cursor,
                          Done<FilePage> done) = 0;
  // One directory, or the file of that path. Paths are without a leading slash, the top is empty.
  virtual void list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                          Done<FilesPage> done) = 0;
  virtual void diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                             Done<DiffPage> done) = 0;
  virtual void file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                            Done<FilePage> done) = 0;
  // Answers the client's archives, the oldest first: what a new catalog would be made of.
  virtual void drop_catalog(std::string client, Done<std::vector<Archive>> done) = 0;
  virtual void fleet_status(Done<std::vector<FleetRow>> done) = 0;
  virtual void maintenance_status(Done<MaintenanceStatus> done) = 0;

  virtual void set_setting(std::string name, std::string value,
                           Done<void> done) = 0;  // empty: the default again
  // Keeps an existing one; returns what is stored afterwards.
  virtual void put_secret_if_absent(Secret secret, Done<Secret> done) = 0;
  virtual void get_secret(SecretKey key, Done<std::optional<Secret>> done) = 0;

  // Takes in the rest of a job's output file (see core/job_spec.h) in bounded memory. With `complete` the job
  // prints no more: a last line without its end is taken, too. Returns the number of lines stored. May be
  // repeated after any interruption, also with a file that has grown. A missing file is an empty one.
  virtual void append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done) = 0;
  virtual void read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit,
                           Done<OutputPage> done) = 0;
};

}  // namespace cyborg::store
