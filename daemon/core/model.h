// The objects of the vocabulary, as plain values. Names are unique within their kind and match
// [a-z0-9][a-z0-9._-]{0,62}, which is safe in unit names, paths and archive names.
#pragma once

#include "core/client.h"
#include "core/policy.h"
#include "core/repository.h"
#include "core/schedule.h"

namespace cyborg {

using Microseconds = std::int64_t;  // since 1970, 0 for never; as on the bus

// A client's own key to the repository host, and what is known of its authorisation there.
struct DirectKey {
  std::string key;       // "ssh-ed25519 AAAA…"; empty: none was made
  std::string line;      // of authorized_keys there; empty: it is not authorised
  bool manual = false;   // an administrator wrote it
  std::string host_key;  // of the host that has it
};

// One borg repository: a Repository expanded for a client (client is empty when the URL has no {client}).
struct BorgRepository {
  std::int64_t id = 0;
  std::string repository;
  std::string client;
  std::string url;  // expanded
  bool ready = false;
  std::string borg_id;  // 64 hex digits once it is prepared
  // What a check found, until a whole one finds nothing.
  Microseconds damaged = 0;  // since
  std::int64_t damaged_job = 0;
  DirectKey direct{};
};

enum class JobKind {
  prepare_client,
  prepare_repository,
  backup,
  restore,
  catalog,  // reads what an archive holds
  prune,    // deletes the archives that retention does not keep
  compact,  // frees the space of what was deleted
  check,    // looks for damage
  verify,   // proves that an archive can be restored
  list,     // asks a repository what archives it has, and takes over some that cyborgd did not make
  // Takes a client's key away from the repository host.
  withdraw,
};

// Those that run borg, or look, on the client; the others work on the server, on the repository alone.
constexpr bool runs_on_client(JobKind kind) {
  return kind == JobKind::prepare_client || kind == JobKind::backup || kind == JobKind::restore;
}
constexpr bool has_repository(JobKind kind) {
  return kind != JobKind::prepare_client;
}
constexpr bool is_maintenance(JobKind kind) {
  return kind == JobKind::prune || kind == JobKind::compact || kind == JobKind::check;
}
// Needs borg's exclusive lock, or that nothing changes meanwhile. What reads (restore, catalog, verify) has a
// cache of its own and goes past the lock, so that it never waits for a long backup.
constexpr bool writes_repository(JobKind kind) {
  return kind == JobKind::backup || kind == JobKind::prepare_repository || kind == JobKind::prune ||
         kind == JobKind::compact || kind == JobKind::check || kind == JobKind::list ||
         kind == JobKind::withdraw;
}

enum class JobState {
  waiting,  // for a predecessor
  pending,  // ready; the reason says what it still waits for
  starting,
  running,
  successful,
  warning,
  failed,  // it ran, and did not work
  error,   // it could not run
  canceled,
  skipped,  // a predecessor did not succeed
};

struct Job {
  std::int64_t id = 0;
  std::int64_t run = 0;  // 0: none
  JobKind kind = JobKind::backup;
  JobState state = JobState::pending;
  std::string policy;  // names; empty where the kind has none
  std::string client;
  std::string repository;
  std::string borg_url;                    // the expanded URL: the key of the repository lock
  std::string reason;                      // why it has not started, or why it ended as it did
  std::vector<std::int64_t> after;         // predecessors
  Json::Value details{Json::objectValue};  // the kind's parameters, e.g. a restore's paths
  std::string archive;
  Microseconds created = 0;
  Microseconds started = 0;
  Microseconds finished = 0;
};

const char* to_string(JobKind kind);    // "prepare-client" …
const char* to_string(JobState state);  // "waiting" …
bool parse(std::string_view text, JobKind& kind);
bool parse(std::string_view text, JobState& state);

constexpr bool is_ended(JobState state) {
  return state >= JobState::successful;
}
constexpr bool is_live(JobState state) {
  return state == JobState::starting || state == JobState::running;
}

}  // namespace cyborg
