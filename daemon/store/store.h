// State in PostgreSQL. The only door: whoever wants something stored or found asks the Store, which answers
// later, on the event loop's thread. The loop never waits for the database.
//
// Three workers, each a thread with a connection of its own: "state" for short transactions, "history" for
// reading, "output" for what jobs printed, so that a million lines never stand before a state change.
//
// While PostgreSQL is away every operation fails with ErrorCode::unavailable within seconds, and so does a
// transaction whose COMMIT got no answer. All mutations can therefore simply be repeated: the second time
// they find the work done and say so.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "borg/listing.h"
#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"
#include "plan/plan.h"
#include "plan/retention.h"

namespace cyborg::store {

// Runs a function on the event loop's thread, later. Called from the store's threads.
using Poster = std::function<void(std::function<void()>)>;

// Called once on the event loop's thread, unless the store is destroyed before.
template <typename T>
using Done = std::function<void(Expected<T>)>;

struct SecretKey {
  std::string kind;   // "server", "borg-repository", "policy" …
  std::string owner;  // the name of the object; of a borg repository: its expanded URL
  std::string field;  // "ssh-key", "passphrase" …
  bool operator==(const SecretKey&) const = default;
};

// The server's own ssh key: public_part is its line for authorized_keys.
inline const SecretKey kServerSshKey{"server", "", "ssh-key"};
// A borg repository's passphrase.
inline SecretKey passphrase_key(std::string borg_url) {
  return {"borg-repository", std::move(borg_url), "passphrase"};
}
// One that is to open a borg repository instead, or does already: a preparation finds out which of the two it
// is. Sealed as the other, so that it can take its place.
inline SecretKey new_passphrase_key(std::string borg_url) {
  return {"borg-repository", std::move(borg_url), "new-passphrase"};
}
// Its public part, if borg is being told to use it from now on: then nobody else may know it, and nothing
// replaces it before it is known whether borg does.
inline constexpr const char* kChanging = "changing";
// Of the database user whom a policy's dumps connect as.
inline SecretKey policy_password_key(std::string policy) {
  return {"policy", std::move(policy), "password"};
}

struct Secret {
  SecretKey key;
  std::string sealed;  // opaque bytes, see seal.h; empty: remove it
  std::string public_part;
};

// Everything the daemon keeps in memory.
struct Snapshot {
  std::vector<Schedule> schedules;
  std::vector<Repository> repositories;
  std::vector<BorgRepository> borg_repositories;  // also of removed repositories: their archives remain
  std::vector<Client> clients;
  std::vector<Policy> policies;
  std::map<std::string, std::string> settings;
  std::vector<Job> jobs;          // those that have not ended, by id; `after` holds predecessors of any state
  std::optional<Secret> ssh_key;  // kServerSshKey
};

// Preparations, restores and retries are runs, too; only their policy may be empty.
struct NewRun {
  std::string token;  // a fresh UUID; the same token again returns the run it made: safe to repeat
  std::string policy;
  // Maintenance of a repository that its own timer starts: the kind and the repository's name.
  std::string maintenance, repository;
  Microseconds scheduled = 0;  // the timer's elapse time, unique for what it starts. 0: by hand
  std::string actor;           // who asked, e.g. "uid 1000" or "timer"
  std::vector<NewJob> jobs;
  // Made in the same transaction unless they exist; a secret that exists is kept as it is.
  std::vector<BorgRepository> borg_repositories;
  std::vector<Secret> secrets;
};

struct CreatedRun {
  std::int64_t run = 0;
  bool existed = false;  // by token, or by what was scheduled when; jobs are then those of the existing run
  std::vector<Job>
      jobs;  // in the order given; waiting, pending, or skipped if a predecessor failed meanwhile
  std::vector<BorgRepository> borg_repositories;
};

// Absent fields stay as they are.
struct JobUpdate {
  std::int64_t id = 0;
  std::optional<JobState> state;  // waiting, pending, starting or running; ending is finish_job's
  std::optional<std::string> reason;
  std::optional<Microseconds> started;
  std::optional<std::string> unit;
  std::optional<std::string> invocation;
  std::optional<Microseconds> lease_until;  // 0: none
  std::optional<Json::Value> details = std::nullopt;
  std::optional<std::string> archive = std::nullopt;
};

struct Archive {
  std::int64_t id = 0;
  std::string name;
  std::string borg_id;  // 64 hex digits
  std::int64_t job = 0;
  std::string policy, client, repository;
  std::string borg_url;
  Microseconds created = 0;
  std::int64_t original_size = 0;
  std::int64_t compressed_size = 0;
  std::int64_t deduplicated_size = 0;
  std::int64_t nfiles = 0;
  Microseconds duration = 0;
  bool pinned = false;  // retention never removes it
  std::string comment;
  Microseconds missing = 0;  // since when a listing of the repository did not have it
  Microseconds removed = 0;
};

// What a listing of a borg repository has shown: an archive of the history, or one that cyborgd did not make.
struct RepositoryArchive {
  std::string borg_url, name, borg_id;
  Microseconds created = 0;
  std::string state;  // "known", "missing" or "foreign"
  std::string policy, client;
  std::int64_t job = 0;
};

// Absent fields stay as they are.
struct ArchiveUpdate {
  std::optional<bool> pinned;
  std::optional<std::string> comment;
};

// The archives of one policy and client in one borg repository, and how their last backup ended.
struct Series {
  std::vector<RetentionArchive> archives;  // newest first
  std::optional<JobState> last_backup;
};

// What one ended job changed, besides itself.
struct FinishedJob {
  bool repeated = false;         // it had ended before: nothing was changed, the rest is how things stand
  Job job;                       // as stored
  std::vector<Job> dependants;   // that became pending or skipped, transitively
  std::optional<Client> client;  // with the facts of its preparation
  std::optional<Repository> repository;           // if its host key was learned
  std::optional<BorgRepository> borg_repository;  // of a preparation, check or withdrawal
  std::optional<Archive> archive;
  std::vector<Archive> imported;  // those that the catalog can take as they come
};

// Empty fields do not filter.
struct JobFilter {
  std::string policy, client, repository;
  std::optional<JobKind> kind;
  std::optional<JobState> state;
  std::int64_t run = 0;
  Microseconds since = 0;  // those that have ended since then, or not at all
};

// The catalog. A version is a file as it was in some archives of one series, the first and last of which are
// named; current: it is so in the newest, too.
struct FileVersion {
  std::string policy, client, repository;
  ListedFile file;
  bool current = false;
  std::string first_archive, last_archive;
  Microseconds first_created = 0, last_created = 0;
};

struct FileChange {
  std::string path;
  ListedFile before, after;  // mode 0: it is not there
};

struct FileFilter {
  std::string policy, client, repository;
  bool ignore_case = false;
};

// next: the cursor of the page after this one, empty at the end.
template <typename Row>
struct TextPage {
  std::vector<Row> rows;
  std::string next;
};
using FilePage = TextPage<FileVersion>;
using FilesPage = TextPage<ListedFile>;
using DiffPage = TextPage<FileChange>;

struct ArchiveFilter {
  std::string policy, client, repository;
  std::string name;
  Microseconds since = 0;  // those of jobs that have ended since then, also if they are gone by now
};

// Newest first. next: the cursor of the page after this one, 0 at the end.
template <typename T>
struct Page {
  std::vector<T> rows;
  std::int64_t next = 0;
};

struct JobRecord {
  Job job;
  std::optional<JobResult> result;  // once it has ended by itself
  std::string unit;
  std::string invocation;
  std::string node;
  std::optional<std::int64_t> output_lines;  // once its output is complete in the database
};

struct OutputLine {
  Microseconds time = 0;
  int priority = 6;
  std::string text;
};

struct OutputPage {
  std::vector<OutputLine> lines;
  bool complete = false;  // the whole output is stored, and there is no line after these
};

// How far forgetting has come.
struct ForgottenHistory {
  std::int64_t last = 0;  // the job after which to go on
  std::int64_t jobs = 0;  // how many were forgotten
  bool more = false;
};

// One for each policy, client and repository that are configured together.
struct FleetRow {
  std::string policy, client, repository;
  Microseconds last_success = 0;  // 0: never
  std::int64_t last_success_job = 0;
  std::string last_success_archive;
  std::int64_t original_size = 0, deduplicated_size = 0;  // of that archive
  Microseconds last_end = 0;
  std::int64_t last_end_job = 0;
  std::optional<JobState> last_end_state;
  std::string last_end_reason;
  // Of verifications: the last that proved something, and the last that ended by itself.
  Microseconds proven = 0;
  std::int64_t proven_job = 0;
  std::string proven_archive;
  std::string proven_how;             // "compared", "loaded" or "readable"
  Microseconds restore_duration = 0;  // of that one
  Microseconds verify_end = 0;
  std::int64_t verify_job = 0;
  std::optional<JobState> verify_state;
  std::string verify_reason;
};

// Maintenance of one kind of a borg repository; of prunes, of one policy and client. Times are 0 for never.
struct MaintenanceRow {
  std::string borg_url;
  JobKind kind = JobKind::check;
  std::string policy, client;
  Microseconds last_success = 0;
  std::int64_t last_success_job = 0;
  Microseconds last_whole = 0;  // of checks: the last that was not a part of one
  Microseconds last_end = 0;
  std::int64_t last_end_job = 0;
  std::string last_end_state, last_end_reason;
};

struct MaintenanceStatus {
  std::vector<MaintenanceRow> rows;
  // Since when what is missing could have been done: by URL, and by policy.
  std::map<std::string, Microseconds> repositories, policies;
  // Of the last listings, by URL: when, and how many archives are not cyborgd's, and how many of its own are
  // gone.
  struct Listed {
    Microseconds at = 0;
    std::int64_t foreign = 0, missing = 0;
  };
  std::map<std::string, Listed> listings;
  // By URL: the last size, and the last that is 7 and 30 days old, 0 if there is none.
  struct Size {
    std::int64_t now = 0;
    Microseconds measured = 0;
    std::int64_t week_ago = 0, month_ago = 0;
  };
  std::map<std::string, Size> sizes;
};

// Whether a connection string leads away from this machine's unix sockets.
bool is_remote(const std::string& conninfo);

class Store {
 public:
  struct Config {
    std::string conninfo;  // any libpq connection string or URI
    std::string node;      // this machine's name in runs and jobs
  };
  // Reports changes only, on the event loop's thread; reason is a sentence for people, empty when available.
  using OnAvailability = std::function<void(bool available, std::string reason)>;

  Store(Config config, Poster post, OnAvailability on_availability);
  // On the loop's thread. Waits for the statement that runs, drops what is queued; nothing is called
  // afterwards, not even what was posted.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Connects in the background and applies migrations; on failure again after 1 s, 2 s … 15 s.
  void start();

  void load(Done<Snapshot> done);

  // create: fails with name_taken if it exists; else fails with no_such_… if it does not. References to
  // objects that do not exist fail with no_such_…, naming them. Secrets go into the same transaction.
  // A borg repository with a new passphrase is not ready before it was prepared with that.
  // A repository's url and encryption cannot be changed. What a client's preparation found is stored as
  // given.
  void put_schedule(Schedule schedule, bool create, Done<void> done);
  void put_repository(Repository repository, bool create, std::vector<Secret> secrets, Done<void> done);
  void put_client(Client client, bool create, Done<void> done);
  void put_policy(Policy policy, bool create, std::vector<Secret> secrets, Done<void> done);

  // Without force, refused (in_use, naming what depends) while policies use the object (a schedule: or
  // repositories), or history mentions it. With force it is taken out of them, and history stays, by name.
  // Even so refused: unfinished jobs, and a policy's last repository. Borg repositories that were prepared
  // keep their row and passphrase. Returns the policies that changed.
  void remove_schedule(std::string name, bool force, Done<std::vector<Policy>> done);
  void remove_repository(std::string name, bool force, Done<std::vector<Policy>> done);
  void remove_client(std::string name, bool force, Done<std::vector<Policy>> done);
  void remove_policy(std::string name, bool force, Done<std::vector<Policy>> done);

  // Finds by url or makes; the result is in the order given. A url that belongs to another repository that
  // exists is refused.
  void ensure_borg_repositories(std::vector<BorgRepository> wanted, std::vector<Secret> secrets_if_absent,
                                Done<std::vector<BorgRepository>> done);

  // Their lines on repository hosts are somebody else's to remove.
  void forget_keys(std::vector<std::string> borg_urls, Done<void> done);

  void create_run(NewRun run, Done<CreatedRun> done);
  // All or none, in one transaction; jobs that have ended stay as they are, their ids are returned.
  void update_jobs(std::vector<JobUpdate> updates, Done<std::vector<std::int64_t>> done);
  // Ends a job, by its result or by decision (canceled, error: fill state, code and message), with all that
  // follows from it, in one transaction: facts, archive, fleet status, dependants. finished 0: now.
  void finish_job(std::int64_t id, JobResult result, Microseconds finished, Done<FinishedJob> done);

  // A part of the jobs after this one: those that ended before then go, with their output, unless something
  // needs them: see history.cc. Runs go when their jobs are gone.
  void forget_history(Microseconds before, std::int64_t after, Done<ForgottenHistory> done);

  void list_jobs(JobFilter filter, std::uint32_t limit, std::int64_t cursor, Done<Page<Job>> done);
  void get_job(std::int64_t id, Done<JobRecord> done);
  void list_archives(ArchiveFilter filter, std::uint32_t limit, std::int64_t cursor,
                     Done<Page<Archive>> done);
  // name, or REPOSITORY::NAME where two repositories have an archive of that name.
  void get_archive(std::string name, Done<Archive> done);
  void update_archive(std::string name, ArchiveUpdate update, Done<Archive> done);
  // zone: of the calendar periods that retention counts; empty: the database server's.
  void get_series(std::string policy, std::string client, std::string borg_url, std::string zone,
                  Done<Series> done);

  // When retention will remove an archive of the series, by plan/retention.h's Forecast; 0: not foreseeable.
  struct ForecastRequest {
    std::string policy, client, borg_url, zone;
    std::int64_t archive = 0;
    Retention keep;
    std::int64_t minimum = 0;
    std::vector<Microseconds> elapses;
  };
  void foresee_removal(ForecastRequest request, Done<Microseconds> done);
  // Of these borg repositories, the newest first; state: only those. The cursor is how many were shown
  // before.
  void list_repository_archives(std::vector<std::string> urls, std::string state, std::uint32_t limit,
                                std::int64_t cursor, Done<Page<RepositoryArchive>> done);

  // See core/file_pattern.h.
  void find_files(std::string pattern, FileFilter filter, std::uint32_t limit, std::string cursor,
                  Done<FilePage> done);
  // One directory, or the file of that path. Paths are without a leading slash, the top is empty.
  void list_files(std::string archive, std::string path, std::uint32_t limit, std::string cursor,
                  Done<FilesPage> done);
  void diff_archives(std::string a, std::string b, std::uint32_t limit, std::int64_t cursor,
                     Done<DiffPage> done);
  void file_history(std::string client, std::string path, std::uint32_t limit, std::string cursor,
                    Done<FilePage> done);
  // Answers the client's archives, the oldest first: what a new catalog would be made of.
  void drop_catalog(std::string client, Done<std::vector<Archive>> done);
  void fleet_status(Done<std::vector<FleetRow>> done);
  void maintenance_status(Done<MaintenanceStatus> done);

  void set_setting(std::string name, std::string value, Done<void> done);  // empty: the default again
  void put_secret(Secret secret, Done<void> done);
  // Keeps an existing one; returns what is stored afterwards.
  void put_secret_if_absent(Secret secret, Done<Secret> done);
  void get_secret(SecretKey key, Done<std::optional<Secret>> done);

  // Takes in the rest of a job's output file (see core/job_spec.h) in bounded memory. With `complete` the job
  // prints no more: a last line without its end is taken, too. Returns the number of lines stored. May be
  // repeated after any interruption, also with a file that has grown. A missing file is an empty one.
  void append_output(std::int64_t job, std::string path, bool complete, Done<std::int64_t> done);
  void read_output(std::int64_t job, std::int64_t first_line, std::uint32_t limit, Done<OutputPage> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cyborg::store
