// SPDX-License-Identifier: GPL-3.0-or-later
// The kinds of jobs. All knowledge about a kind is in its row of the table, and nowhere else.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "core/enum_table.h"

namespace cyborg {

enum class JobKind {
  prepare_client,
  prepare_repository,
  backup,
  restore,
  catalog,
  prune,
  compact,
  check,
  verify,
  list,
  withdraw,
};

// The passphrases of the borg repository that a job is given.
enum class Passphrases { none, current, current_and_new };

// Where hooks can run around jobs of a kind.
enum class HookPlaces { none, server, client_and_server };

// Where the history records how jobs of a kind last ended.
enum class StatusKept { no, of_backups, of_maintenance };

// The D-Bus method whose right is needed to repeat a job; with a detail: only if the job has that detail.
struct RepeatRight {
  const char* method = nullptr;
  const char* detail = nullptr;
};

struct JobKindTraits {
  JobKind kind;
  const char* name;   // in the database, on the bus, in JSON and on the command line
  const char* about;  // for people: the work of a job of this kind
  // Runs borg on the client, or examines it; other kinds work on the server, on the repository alone.
  bool on_client = false;
  // No other job that occupies the client may run at the same time.
  bool occupies_client = false;
  bool has_repository = true;
  // Needs borg's exclusive lock, or that nothing changes meanwhile. Reading kinds (restore, catalog, verify)
  // have a cache of their own and bypass the lock, so they never wait for a long backup.
  bool writes_repository = false;
  // One at a time on a borg repository, in the order of its archives.
  bool one_reader = false;
  // The server's own work, with rights on the repository that no client has.
  bool is_maintenance = false;
  // Deletes data: does not run on a damaged repository, unless requested by hand.
  bool removes_data = false;
  // Other jobs of its run wait for it, and are skipped if it fails.
  bool is_preparation = false;
  Passphrases passphrases = Passphrases::current;
  // In a scheduled run, is retried after a transient failure.
  bool tried_again = true;
  StatusKept status = StatusKept::no;
  HookPlaces hooks = HookPlaces::none;
  RepeatRight repeat_right{};
};

inline constexpr std::array kJobKinds{
    JobKindTraits{.kind = JobKind::prepare_client,
                  .name = "prepare-client",
                  .about = "connects to a client, pins its host key, and installs borg there",
                  .on_client = true,
                  .occupies_client = true,
                  .has_repository = false,
                  .is_preparation = true,
                  .passphrases = Passphrases::none},
    JobKindTraits{.kind = JobKind::prepare_repository,
                  .name = "prepare-repository",
                  .about = "makes a borg repository, or adopts one that exists",
                  .writes_repository = true,
                  .is_preparation = true,
                  .passphrases = Passphrases::current_and_new,
                  .repeat_right = {"ChangePassphrase", "change_passphrase"}},
    JobKindTraits{.kind = JobKind::backup,
                  .name = "backup",
                  .about = "makes an archive of what the policy names on a client",
                  .on_client = true,
                  .occupies_client = true,
                  .writes_repository = true,
                  .status = StatusKept::of_backups,
                  .hooks = HookPlaces::client_and_server},
    JobKindTraits{.kind = JobKind::restore,
                  .name = "restore",
                  .about = "brings back files, databases or a guest of an archive",
                  .on_client = true,
                  .tried_again = false,
                  .hooks = HookPlaces::client_and_server,
                  .repeat_right = {"Restore"}},
    JobKindTraits{.kind = JobKind::catalog,
                  .name = "catalog",
                  .about = "reads what an archive holds, so that it can be searched",
                  .one_reader = true},
    JobKindTraits{.kind = JobKind::prune,
                  .name = "prune",
                  .about = "removes the archives that retention does not keep",
                  .writes_repository = true,
                  .is_maintenance = true,
                  .removes_data = true,
                  .status = StatusKept::of_maintenance,
                  .hooks = HookPlaces::server,
                  .repeat_right = {"RemoveArchive", "archives"}},
    JobKindTraits{.kind = JobKind::compact,
                  .name = "compact",
                  .about = "frees the space of what was removed",
                  .writes_repository = true,
                  .is_maintenance = true,
                  .removes_data = true,
                  .status = StatusKept::of_maintenance,
                  .hooks = HookPlaces::server},
    JobKindTraits{.kind = JobKind::check,
                  .name = "check",
                  .about = "looks for damage",
                  .writes_repository = true,
                  .is_maintenance = true,
                  .status = StatusKept::of_maintenance},
    JobKindTraits{.kind = JobKind::verify,
                  .name = "verify",
                  .about = "proves that an archive can be restored",
                  .status = StatusKept::of_maintenance,
                  .hooks = HookPlaces::client_and_server},
    JobKindTraits{
        .kind = JobKind::list,
        .name = "list",
        .about = "asks a repository what archives it has, and takes over some that cyborgd did not make",
        .writes_repository = true,
        .tried_again = false,
        .repeat_right = {"ImportArchives", "import"}},
    JobKindTraits{.kind = JobKind::withdraw,
                  .name = "withdraw",
                  .about = "takes a client's key away from the repository host",
                  .writes_repository = true,
                  .passphrases = Passphrases::none,
                  .repeat_right = {"WithdrawKeys"}},
};
static_assert(is_complete<&JobKindTraits::kind>(kJobKinds));

constexpr const JobKindTraits& traits_of(JobKind kind) {
  return row_of(kJobKinds, kind);
}
constexpr const char* to_string(JobKind kind) {
  return traits_of(kind).name;
}
constexpr bool runs_on_client(JobKind kind) {
  return traits_of(kind).on_client;
}
constexpr bool has_repository(JobKind kind) {
  return traits_of(kind).has_repository;
}
constexpr bool is_maintenance(JobKind kind) {
  return traits_of(kind).is_maintenance;
}
constexpr bool writes_repository(JobKind kind) {
  return traits_of(kind).writes_repository;
}

constexpr bool parse(std::string_view text, JobKind& kind) {
  const JobKindTraits* row = row_named(kJobKinds, text);
  if (row) kind = row->kind;
  return row != nullptr;
}

}  // namespace cyborg
