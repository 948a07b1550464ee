// SPDX-License-Identifier: GPL-3.0-or-later
// The input of cyborg-job (a systemd credential, JSON), and the result that it leaves (result.json).
//
// Credentials of a job unit, files in $CREDENTIALS_DIRECTORY:
//   spec        JobSpec as JSON, without secrets
//   ssh-key     the server's private key, OpenSSH format
//   passphrase  of the borg repository (absent for kinds without one)
//   new-passphrase  a pending one that may open it instead (prepare-repository, optional)
//   password    of the client's user, used once to install the public key (prepare-client only, optional)
//   database-password  of the database user (backups that dump databases, optional)
//   database    libpq's connection string (catalog only): it may contain a password
// Files in $STATE_DIRECTORY (/var/lib/cyborg/jobs/N, written with umask 0007):
//   output         one line for each printed line: "<priority> <microseconds> <text>\n"; text is valid UTF-8
//   progress.json  {"files":n,"bytes":n,"path":s}; replaced by rename at most twice a second
//   result.json    JobResult; written, fsynced and renamed before the process exits
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/model.h"
#include "core/policy_type_row.h"
#include "core/restore_spec.h"
#include "core/result_code.h"

namespace cyborg {

// An ssh server. An empty address means the server itself, without ssh.
struct SshTarget {
  std::string address;
  int port = 22;
  std::string user;
  std::string host_key;  // the SHA256:… that must match; empty: accept and report it (prepare-* only)
  std::string jump;      // [user@]host[:port] or empty
};

// The source of a backup instead of folders: see remote/dump_script.h.
struct DumpSpec {
  std::optional<PolicyType> type;  // unset: folders
  // Variables of the type, by name, in the form for its scripts. In JSON they are members beside the type.
  std::map<std::string, std::vector<std::string>, std::less<>> values;

  explicit operator bool() const { return type.has_value(); }
  const PolicyTypeRow& row() const;
  const DumpSource& source() const;
  const DatabaseDumps* databases() const;  // nullptr: it dumps something else
  const GuestDumps* guests() const;
  std::vector<std::string> list(std::string_view variable) const;
  std::string text(std::string_view variable) const;
  // The names selected; empty: all.
  std::vector<std::string> names() const;
};

// A client's own access to the repository host: see borg/direct_access.h.
struct DirectSpec {
  bool used = false;
  bool manual = false;          // somebody else writes authorized_keys there
  std::string host_public_key;  // of the repository host, "ssh-ed25519 AAAA…"; empty before its preparation
  std::string key, line;        // the client's key and its line there, as known
};

struct JobSpec {
  std::string server;  // the server's name in borg's locks; determined by the job, and not in JSON
  std::int64_t job = 0;
  std::int64_t run = 0;
  std::string attempt;  // its token, which the result must carry, too
  JobKind kind = JobKind::backup;
  std::string policy, client, repository;  // their names

  // The machine on which borg runs for backup and restore, and which prepare-client prepares.
  bool local = false;
  SshTarget target;
  std::string ssh_public_key;  // prepare-client with a password: the line to install

  // The borg repository. host.address is empty for a path on the server.
  SshTarget repository_host;
  std::string repository_path;
  std::string encryption;
  bool append_only = false;
  std::string borg_id;  // the expected id, 64 hex digits; empty before preparation
  DirectSpec direct;
  bool change_passphrase = false;  // prepare-repository: change borg's passphrase to the new one

  // backup
  std::string archive;                // final name
  std::vector<std::string> roots;     // absolute paths; each must be in the archive
  bool any_root = false;              // of the roots, those that exist (mail); none existing is a failure
  std::vector<std::string> patterns;  // "+ …" and "- …" rules, before exclude
  std::vector<std::string> exclude;   // borg patterns (fnmatch unless prefixed)
  std::vector<std::string> exclude_if_present;
  bool exclude_caches = false;
  bool one_file_system = false;
  bool snapshot = false;           // roots are read from one, where they lie on what makes them
  std::int64_t snapshot_size = 0;  // percent of a volume, for blocks overwritten meanwhile
  std::string compression;
  std::int64_t upload_limit = 0;
  std::string files_cache_suffix;  // one per policy
  DumpSpec dump;

  bool dry_run = false;  // for a restore or a preparation: changes nothing, only reports what would be done

  // restore (archive, too), completed: conflict, and the names of databases and guest
  RestoreSpec restore{.conflict = "overwrite"};

  // prune: the archives to remove, by name and (in the same order) borg id; and those of the same series that
  // the repository must still have for its listing to be trusted
  std::vector<std::string> remove, remove_ids, keep_ids;

  std::vector<Hook> hooks;  // for this kind of job

  // check
  std::int64_t max_duration = 0;  // seconds: a partial check, continuing where the last ended
  bool verify_data = false;       // read and authenticate all data

  // list: archives to be imported, whose sizes are needed
  std::vector<std::string> import_names;

  // verify (archive, target, too)
  std::string verify;       // "compare" with the client, "read", or the type whose dumps are loaded
  std::string client_away;  // the reason why the client cannot be reached; empty if it can
  std::string seed;         // of the choice of files
  std::int64_t sample_files = 0, sample_bytes = 0;
  std::vector<std::string> canaries;

  // as recorded in the history
  std::string borg_url;             // as the history has it
  std::int64_t catalog_budget = 0;  // bytes, for the catalog of all archives
  bool database_remote = false;     // PostgreSQL is reached over the network
};

struct JobResult {
  std::string attempt;                // as in the specification
  JobState state = JobState::failed;  // successful, warning, failed, error or canceled
  AnyCode code;
  std::string message;  // a sentence for people
  std::vector<std::string> warnings;
  int borg_status = -1;  // borg's exit status; -1: it did not run to its end
  // facts about the archive after a backup: id, original_size, compressed_size, deduplicated_size, nfiles,
  // duration, start, end
  Json::Value archive{Json::objectValue};
  // prepare-client: addresses[], operating_system, architecture, borg_version, hostname, host_key, found[]
  // (as in remote/discovery.h) prepare-repository: passphrase ("new", "old" or "none", of two), borg_id,
  // host_key, borg_version, created (bool), free (bytes, if it is known); of a client's own key, also if the
  // job failed: direct_key, direct_line, direct_manual (bool), direct_host_key; host_public_key withdraw:
  // withdrawn (the key) prune: removed[] (names) list, check: archives[] (all that the repository has: name,
  // id, created); list: imported[] (the same with sizes) backup: repository_size (bytes, of all archives of
  // the borg repository) compact: freed (as borg says it) verify: archive, proven ("compared", "loaded",
  // "readable" or empty), restore_duration (microseconds) restore: files and bytes (what was or would be
  // written), existing (how many are there already) and existing_names[] (the first of them); databases[]
  Json::Value facts{Json::objectValue};
};

// In the usual state for its code, or in another one that the code's row permits.
JobResult make_result(AnyCode code, std::string message);
JobResult make_result(AnyCode code, std::string message, JobState state);
// Gives the same end to a result that already has facts and warnings.
void end_as(JobResult& result, AnyCode code, std::string message);
void end_as(JobResult& result, AnyCode code, std::string message, JobState state);

inline bool is_good(const JobResult& result) {
  return is_good(result.state);
}

// Whether part of the job runs on the client's machine.
constexpr bool works_on_client(const JobSpec& spec) {
  return runs_on_client(spec.kind) && !spec.restore.output;
}
inline bool loads_databases(const JobSpec& spec) {
  return spec.kind == JobKind::restore && spec.dump && spec.restore.guest.empty();
}

// The type whose dumps a verification loads.
std::optional<PolicyType> verified_type(const JobSpec& spec);

Json::Value to_json(const JobSpec& spec);
Expected<JobSpec> job_spec_from_json(const Json::Value& json);
Json::Value to_json(const JobResult& result);
Expected<JobResult> job_result_from_json(const Json::Value& json);

}  // namespace cyborg
