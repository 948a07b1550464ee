// SPDX-License-Identifier: GPL-3.0-or-later
// The objects of the vocabulary, as plain values. Names are unique within their kind and match
// [a-z0-9][a-z0-9._-]{0,62}, which is safe in unit names, paths and archive names.
#pragma once

#include "core/client.h"
#include "core/job_kind.h"
#include "core/job_state.h"
#include "core/policy.h"
#include "core/repository.h"
#include "core/schedule.h"

namespace cyborg {

using Microseconds = std::int64_t;  // since 1970, 0 for never; as on the bus

// A client's own key for the repository host, and the known state of its authorisation there.
struct DirectKey {
  std::string key;       // "ssh-ed25519 AAAA…"; empty: none was made
  std::string line;      // of authorized_keys there; empty: it is not authorised
  bool manual = false;   // an administrator wrote it
  std::string host_key;  // of the repository host
};

// One borg repository: a Repository expanded for a client (client is empty when the URL has no {client}).
struct BorgRepository {
  std::int64_t id = 0;
  std::string repository;
  std::string client;
  std::string url;  // the expanded URL
  bool ready = false;
  std::string borg_id;  // 64 hex digits when it is prepared
  // Damage found by a check, until a complete check finds none.
  Microseconds damaged = 0;  // when it was found
  std::int64_t damaged_job = 0;
  DirectKey direct{};
};

struct Job {
  std::int64_t id = 0;
  std::int64_t run = 0;  // 0: none
  JobKind kind = JobKind::backup;
  JobState state = JobState::pending;
  std::string policy;  // names; empty if the kind has none
  std::string client;
  std::string repository;
  std::string borg_url;                    // the expanded URL: the key of the repository lock
  std::string reason;                      // why it has not started, or why it ended as it did
  std::vector<std::int64_t> after;         // predecessors
  Json::Value details{Json::objectValue};  // parameters of the kind, such as a restore's paths
  std::string archive;
  std::string attempt;  // the token of the current attempt; empty: from a version without tokens
  Microseconds created = 0;
  Microseconds started = 0;
  Microseconds finished = 0;
};

}  // namespace cyborg
