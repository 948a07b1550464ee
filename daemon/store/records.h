// What the store keeps, finds and answers: plain values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "borg/listing.h"
#include "core/job_spec.h"
#include "core/model.h"
#include "plan/plan.h"
#include "plan/retention.h"

namespace cyborg::store {

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
  std::optional<std::string> unit{};
  std::optional<Json::Value> details = std::nullopt;
  std::optional<std::string> archive = std::nullopt;
  std::optional<std::string> attempt = std::nullopt;
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

// An archive of a series, by whose rules retention will decide on it; elapses are those of its schedule.
struct ForecastRequest {
  std::string policy, client, borg_url, zone;
  std::int64_t archive = 0;
  Retention keep;
  std::int64_t minimum = 0;
  std::vector<Microseconds> elapses;
};

}  // namespace cyborg::store
