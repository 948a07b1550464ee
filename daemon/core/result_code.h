// SPDX-License-Identifier: GPL-3.0-or-later
// The codes of jobs' results: each with its state, cause and remedy. The man page's table, retries, and the
// meaning of damage follow from the rows.
#pragma once

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/job_state.h"

namespace cyborg {

enum class ResultCode {
  // The job itself, and the server.
  ok,
  canceled,
  interrupted,
  timeout,
  out_of_memory,
  state_directory,
  resources,
  environment,
  internal,
  unit,
  not_usable,
  secret,
  hook_failed,
  too_long,

  // The connection to a machine.
  unknown_host,
  connection_refused,
  connection_timeout,
  connection_failed,
  connection_lost,
  host_key_mismatch,
  authentication_failed,
  ssh_key_invalid,
  no_sudo,
  shell_unsupported,
  script_failed,
  no_tool,
  no_directory,
  no_memory_directory,
  no_borg,
  no_package_manager,
  install_failed,
  borg_broken,
  borg_unsupported,

  // Transport direct.
  no_ssh,
  no_key,
  no_client_key,
  key_taken,
  cannot_authorize,
  not_authorized,

  // The repository.
  repository_missing,
  repository_exists,
  repository_invalid,
  repository_denied,
  repository_locked,
  repository_swapped,
  repository_damaged,
  damage_suspected,
  damage,
  disk_full,
  passphrase_wrong,
  key_file,

  // borg and archives.
  borg_warning,
  borg_error,
  borg_killed,
  pattern_invalid,
  archive_exists,
  archive_missing,
  archives_missing,
  listing,
  listing_not_credible,
  not_removed,

  // Backups.
  source_missing,
  root_is_link,
  empty_archive,
  dump_failed,
  dump_list_failed,
  dump_lost,
  dump_warning,
  snapshot_refused,
  snapshot_failed,
  snapshot_full,
  snapshot_unproven,
  snapshot_left,

  // Restores.
  path_not_in_archive,
  not_restored,
  conflict,
  path_is_link,
  rename_failed,
  reader_gone,
  output_failed,
  database_not_in_archive,
  database_exists,
  load_failed,
  guest_exists,
  guest_failed,

  // Verifications.
  different,
  archive_damaged,
  canary_missing,
  canary_changed,
  unreadable,
  client_answer,
  not_compared,
  nothing_compared,
  dump_broken,
  not_verifiable,
  database_server,

  // The catalog.
  catalog_full,
  catalog_error,
  not_newest,
  database_away,
};

// What a result implies about the repository, for any kind of job. If there may be another cause, damage is
// suspected: a job that reads without the repository's lock may miss data that another job is removing.
enum class Damage { none, suspected, certain };

// The states that a result may have besides the usual one.
class JobStates {
 public:
  constexpr JobStates() = default;
  template <std::same_as<JobState>... State>
  constexpr JobStates(State... states)  // NOLINT(google-explicit-constructor)
      : bits_((0U | ... | bit(states))) {}
  constexpr bool contains(JobState state) const { return (bits_ & bit(state)) != 0; }

 private:
  static constexpr unsigned bit(JobState state) { return 1U << static_cast<unsigned>(state); }
  unsigned bits_ = 0;
};

struct ResultCodeRow {
  ResultCode code;
  const char* name;  // in the database, on the bus and in JSON
  JobState state;    // of a result with this code, unless whoever gives it says otherwise
  const char* cause;
  const char* advice;  // what to do; empty: nothing
  struct Traits {
    JobStates also{};              // the states that may be said instead
    bool passes = false;           // the cause may pass: the job may be tried again by itself
    Damage damage = Damage::none;  // of the repository
    bool outcome_unknown = false;  // the job may have left no result of its own: it is unknown what it did
  } traits{};
};

std::span<const ResultCodeRow> result_codes();
const ResultCodeRow& row_of(ResultCode code);

// The code of an actual result: one of the table, or the word of a cyborg-job of another version, which is
// preserved. Results come from files and from the database.
class AnyCode {
 public:
  AnyCode() = default;
  AnyCode(ResultCode code) : code_(code) {}  // NOLINT(google-explicit-constructor)
  explicit AnyCode(std::string word);

  // nullptr if it is from another version.
  const ResultCodeRow* row() const { return code_ ? &row_of(*code_) : nullptr; }
  std::string word() const { return code_ ? row_of(*code_).name : foreign_; }
  JobState state() const { return code_ ? row_of(*code_).state : JobState::failed; }
  ResultCodeRow::Traits traits() const { return code_ ? row_of(*code_).traits : ResultCodeRow::Traits{}; }

  friend bool operator==(const AnyCode&, const AnyCode&) = default;

 private:
  std::optional<ResultCode> code_;
  std::string foreign_;
};

}  // namespace cyborg
