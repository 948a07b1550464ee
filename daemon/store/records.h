// SPDX-License-Identifier: GPL-3.0-or-later
// The records that the store keeps, finds and returns: plain values.
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
  std::string owner;  // the name of the object; for a borg repository, its expanded URL
  std::string field;  // "ssh-key", "passphrase" …
  bool operator==(const SecretKey&) const = default;
};

// The server's own ssh key: public_part is its line for authorized_keys.
inline const SecretKey kServerSshKey{"server", "", "ssh-key"};
// The passphrase of a borg repository.
inline SecretKey passphrase_key(std::string borg_url) {
  return {"borg-repository", std::move(borg_url), "passphrase"};
}
// A passphrase that is to replace that of a borg repository, or already does: a preparation finds out which
// of the two is valid. Encrypted for the same place, so that it can replace the other.
inline SecretKey new_passphrase_key(std::string borg_url) {
  return {"borg-repository", std::move(borg_url), "new-passphrase"};
}
// The public part of a pending passphrase while borg changes to it: nothing else uses or replaces it until it
// is known whether borg has.
inline constexpr const char* kChanging = "changing";
// The password of the database user for a policy's dumps.
inline SecretKey policy_password_key(std::string policy) {
  return {"policy", std::move(policy), "password"};
}

struct Secret {
  SecretKey key;
  std::string sealed;  // opaque bytes, see seal.h; if empty, the secret is removed
  std::string public_part;
};

// Everything the daemon keeps in memory.
struct Snapshot {
  std::vector<Schedule> schedules;
  std::vector<Repository> repositories;
  std::vector<BorgRepository> borg_repositories;  // including those of removed repositories
  std::vector<Client> clients;
  std::vector<Policy> policies;
  std::map<std::string, std::string> settings;
  std::vector<Job> jobs;          // those that have not ended, by id; `after` holds predecessors of any state
  std::optional<Secret> ssh_key;  // kServerSshKey
};

// Preparations, restores and retries are runs, too; only these may have an empty policy.
struct NewRun {
  std::string token;  // a new UUID; the same token again returns the existing run, so repeating is safe
  std::string policy;
  // For maintenance of a repository by its own timer: the kind and the repository's name.
  std::string maintenance, repository;
  Microseconds scheduled = 0;  // the timer's elapse time, unique for each object that it starts. 0: by hand
  std::string actor;           // who asked, e.g. "uid 1000" or "timer"
  std::vector<NewJob> jobs;
  // Created in the same transaction unless they exist; existing secrets are kept.
  std::vector<BorgRepository> borg_repositories;
  std::vector<Secret> secrets;
};

struct CreatedRun {
  std::int64_t run = 0;
  bool existed = false;  // a run with this token or elapse existed; `jobs` are its jobs
  std::vector<Job>
      jobs;  // in the given order; waiting, pending, or skipped if a predecessor failed meanwhile
  std::vector<BorgRepository> borg_repositories;
};

// Absent fields are not changed.
struct JobUpdate {
  std::int64_t id = 0;
  std::optional<JobState> state;  // waiting, pending, starting or running; finish_job() ends jobs
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
  Microseconds missing = 0;  // since when listings of the repository lack it
  Microseconds removed = 0;
};

// An archive from the listing of a borg repository: one of the history, or a foreign one.
struct RepositoryArchive {
  std::string borg_url, name, borg_id;
  Microseconds created = 0;
  std::string state;  // "known", "missing" or "foreign"
  std::string policy, client;
  std::int64_t job = 0;
};

// Absent fields are not changed.
struct ArchiveUpdate {
  std::optional<bool> pinned;
  std::optional<std::string> comment;
};

// The archives of one policy and client in one borg repository, and the result of the last backup.
struct Series {
  std::vector<RetentionArchive> archives;  // newest first
  std::optional<JobState> last_backup;
};

// The objects that the end of a job changed, besides the job.
struct FinishedJob {
  bool repeated = false;         // it had ended before: nothing was changed, the rest is how things stand
  Job job;                       // as stored
  std::vector<Job> dependants;   // that became pending or skipped, transitively
  std::optional<Client> client;  // with the facts found by its preparation
  std::optional<Repository> repository;           // if its host key was learned
  std::optional<BorgRepository> borg_repository;  // after a preparation, check or withdrawal
  std::optional<Archive> archive;
  std::vector<Archive> imported;  // those that the catalog can take in order
};

// Empty fields do not filter.
struct JobFilter {
  std::string policy, client, repository;
  std::optional<JobKind> kind;
  std::optional<JobState> state;
  std::int64_t run = 0;
  Microseconds since = 0;  // jobs that have ended since then, or not yet
};

// The catalog. A version is the state of a file in some archives of one series, from the first to the last
// named here; current: the newest archive has it, too.
struct FileVersion {
  std::string policy, client, repository;
  ListedFile file;
  bool current = false;
  std::string first_archive, last_archive;
  Microseconds first_created = 0, last_created = 0;
};

struct FileChange {
  std::string path;
  ListedFile before, after;  // mode 0: the file does not exist
};

struct FileFilter {
  std::string policy, client, repository;
  bool ignore_case = false;
};

// next: the cursor of the following page, empty on the last page.
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
  Microseconds since = 0;  // archives of jobs that have ended since then, including removed ones
};

// Newest first. next: the cursor of the following page, 0 on the last page.
template <typename T>
struct Page {
  std::vector<T> rows;
  std::int64_t next = 0;
};

struct JobRecord {
  Job job;
  std::optional<JobResult> result;  // when it has ended by itself
  std::string unit;
  std::string node;
  std::optional<std::int64_t> output_lines;  // when its output is completely in the database
};

struct OutputLine {
  Microseconds time = 0;
  int priority = 6;
  std::string text;
};

struct OutputPage {
  std::vector<OutputLine> lines;
  bool complete = false;  // the whole output is stored, and these are its last lines
};

// The progress of deleting old history.
struct ForgottenHistory {
  std::int64_t last = 0;  // the job after which to continue
  std::int64_t jobs = 0;  // the number of deleted jobs
  bool more = false;
};

// One row for each configured combination of policy, client and repository.
struct FleetRow {
  std::string policy, client, repository;
  Microseconds last_success = 0;  // 0: never
  std::int64_t last_success_job = 0;
  std::string last_success_archive;
  std::int64_t original_size = 0, deduplicated_size = 0;  // of the last successful archive
  Microseconds last_end = 0;
  std::int64_t last_end_job = 0;
  std::optional<JobState> last_end_state;
  std::string last_end_reason;
  // About verifications: the last that proved an archive, and the last that ended by itself.
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

// One kind of maintenance of a borg repository; for prunes, of one policy and client. Times are 0 for never.
struct MaintenanceRow {
  std::string borg_url;
  JobKind kind = JobKind::check;
  std::string policy, client;
  Microseconds last_success = 0;
  std::int64_t last_success_job = 0;
  Microseconds last_whole = 0;  // for checks: the last complete one
  Microseconds last_end = 0;
  std::int64_t last_end_job = 0;
  std::string last_end_state, last_end_reason;
};

struct MaintenanceStatus {
  std::vector<MaintenanceRow> rows;
  // Since when maintenance that never happened could have been done: by URL, and by policy.
  std::map<std::string, Microseconds> repositories, policies;
  // The latest listings, by URL: their time, and the numbers of foreign and of missing
  // archives.
  struct Listed {
    Microseconds at = 0;
    std::int64_t foreign = 0, missing = 0;
  };
  std::map<std::string, Listed> listings;
  // By URL: the latest size, and the latest that are at least 7 and 30 days old; 0 if there is none.
  struct Size {
    std::int64_t now = 0;
    Microseconds measured = 0;
    std::int64_t week_ago = 0, month_ago = 0;
  };
  std::map<std::string, Size> sizes;
};

// An archive of a series, with the rules by which retention will decide on it; elapses of its schedule.
struct ForecastRequest {
  std::string policy, client, borg_url, zone;
  std::int64_t archive = 0;
  Retention keep;
  std::int64_t minimum = 0;
  std::vector<Microseconds> elapses;
};

}  // namespace cyborg::store
