// The objects of the vocabulary, as plain values. Names are unique within their kind and match
// [a-z0-9][a-z0-9._-]{0,62}, which is safe in unit names, paths and archive names.
#pragma once

#include <json/value.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/job_kind.h"
#include "core/job_state.h"

namespace cyborg {

using Microseconds = std::int64_t;  // since 1970, 0 for never; as on the bus

struct Schedule {
  std::string name;
  bool enabled = true;
  std::string crontab;  // one of crontab and on_calendar is empty
  std::string on_calendar;
  std::string timezone;      // IANA name; empty: the server's
  std::string random_delay;  // a time span as written, e.g. "10min"
  std::chrono::seconds random_delay_seconds{0};
  std::vector<std::string> calendar;  // derived: the OnCalendar= lines
};

struct Repository {
  std::string name;
  bool enabled = true;
  std::string url;  // may contain {client}: then each client has a borg repository of its own
  std::string encryption = "repokey-blake2";
  std::string transport = "relay";
  bool append_only = false;
  bool shared = false;   // takes several clients although the URL has no {client}
  std::string host_key;  // SHA256:… of the repository host
  // Maintenance at times of its own: names of schedules, empty for none.
  std::string check_schedule, verify_schedule, compact_schedule;
  // A time span as written: its checks go on, in parts that take so long; empty: each is a whole one.
  std::string check_max_duration;
  std::chrono::seconds check_max_duration_seconds{0};
  bool check_verify_data = false;  // its checks read and authenticate all data
  // What it is the hash of, once it was seen: "ssh-ed25519 AAAA…".
  std::string host_public_key;
  // Who puts clients' keys on the host (direct): automatic or manual.
  std::string authorize = "automatic";
};

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

struct Client {
  std::string name;
  bool enabled = true;
  bool local = false;   // the server itself, without ssh
  std::string address;  // host name or address; empty: the name
  int port = 22;
  std::string user = "root";
  std::string jump;      // [user@]host[:port]
  std::string host_key;  // SHA256:…
  // what the preparation found
  bool ready = false;
  std::vector<std::string> addresses;
  std::string operating_system;
  std::string borg_version;
  std::string hostname;
};

// How many archives of a series are kept; 0 everywhere: all.
struct Retention {
  std::int64_t last = 0;
  std::int64_t hourly = 0;
  std::int64_t daily = 0;
  std::int64_t weekly = 0;
  std::int64_t monthly = 0;
  std::int64_t yearly = 0;
  std::string within;  // a time span as written: whatever is younger
  std::chrono::seconds within_seconds{0};

  bool any() const {
    return last + hourly + daily + weekly + monthly + yearly > 0 || within_seconds.count() > 0;
  }
};

constexpr std::chrono::seconds kHookTimeout{300};

// A command of the administrator's around a job's own work.
struct Hook {
  std::string when = "before";   // before, after, success or failure
  std::string where = "client";  // client or server
  std::string command;           // for sh
  std::string timeout;           // a time span as written; empty: kHookTimeout
  std::chrono::seconds timeout_seconds{kHookTimeout};
  std::string effect = "fail";     // of its own failure on the job: fail, warn or ignore
  std::vector<std::string> kinds;  // of jobs; empty: backup
};

struct Policy {
  std::string name;
  bool enabled = true;
  std::string type;
  std::string schedule;  // empty: by hand only
  std::vector<std::string> repositories;
  std::vector<std::string> clients;
  Json::Value variables{Json::objectValue};  // checked against the type's schema
  std::vector<std::string> exclude;
  std::string compression = "lz4";
  std::int64_t upload_limit = 0;  // KiB/s, 0 for none
  std::string timeout;            // a time span as written; empty for none
  std::chrono::seconds timeout_seconds{0};
  Retention keep;
  std::map<std::string, Retention> client_keep;  // of clients that differ
  std::vector<Hook> hooks;
  bool catalog = true;                // what its archives contain can be searched
  std::vector<std::string> canaries;  // files that each archive must have, and that each verification tries
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
  std::string attempt;  // the token of the current attempt; empty: from a version that had none
  Microseconds created = 0;
  Microseconds started = 0;
  Microseconds finished = 0;
};

}  // namespace cyborg
