// SPDX-License-Identifier: GPL-3.0-or-later
// The interfaces between the manager and the outside, which implements them; the manager links none of it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"
#include "core/units.h"

namespace cyborg {

// Called once, later, on the loop's thread; never from within the call that took it.
template <typename T>
using Done = std::function<void(Expected<T>)>;
// A continuation between parts of the manager: called once, possibly from within the call that took it.
template <typename T>
using Then = std::function<void(Expected<T>)>;

struct Progress {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string path;
};

struct OutputLine {
  Microseconds time = 0;
  std::uint8_t priority = 6;
  std::string text;
};

// A job's unit in systemd. A failed unit stays until systemd is told to forget it.
struct JobUnit {
  std::int64_t job = 0;
  bool ended = false;
  // For a unit that ended: "exit-code", "signal", "timeout", "oom-kill" …, as in systemd.exec(5); or empty.
  std::string service_result;
  std::string attempt;  // the attempt's token; empty: from an old version
};

class Systemd {
 public:
  virtual ~Systemd() = default;

  // Writes the credentials (files 0600 in a 0700 directory on /run) and starts the unit; answers when it was
  // executed, or could not be.
  virtual void start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                         Done<void> done) = 0;
  // Answers when systemd has accepted the request; the unit's end is reported by on_job_ended.
  virtual void stop_job(std::int64_t job, Done<void> done) = 0;
  virtual void list_jobs(Done<std::vector<JobUnit>> done) = 0;
  // Call it when the unit's end has been recorded.
  virtual void forget_job(std::int64_t job) = 0;
  // Makes these the only generated timers (unit name → file content). Timers that are new, or whose content
  // changed while the daemon ran, do not catch up on elapses before now.
  virtual void set_timers(std::map<std::string, std::string> timers, Done<void> done) = 0;
  // Returns the next elapses of the union of OnCalendar expressions; refuses invalid or past ones.
  virtual void next_elapses(std::vector<std::string> calendar, unsigned count,
                            Done<std::vector<Microseconds>> done) = 0;

  // A unit has ended; service_result as in JobUnit. Set it before the first call.
  std::function<void(std::int64_t job, const std::string& service_result)> on_job_ended;
};

// The state directories of jobs.
class JobFiles {
 public:
  virtual ~JobFiles() = default;
  virtual void watch(std::int64_t job) = 0;  // enables on_progress and on_output
  virtual void unwatch(std::int64_t job) = 0;
  virtual Expected<std::optional<JobResult>> read_result(std::int64_t job) = 0;  // for a job that has ended
  // Before another attempt: keeps the output, removes the result.
  virtual void clear_result(std::int64_t job) = 0;
  virtual std::vector<std::int64_t> list() = 0;  // jobs that have a state directory
  // The directory that contains them all, if its file system has no room for another file; otherwise empty.
  virtual std::string full_directory() const = 0;
  virtual std::string output_path(std::int64_t job) = 0;
  virtual void remove(std::int64_t job) = 0;
  // Detaches the state directory from its job: it is kept under another name, which is returned; empty: there
  // is none.
  virtual std::string set_aside(std::int64_t job) = 0;
  // Returns up to limit lines from line `first`; sequential reads are cheap.
  virtual Expected<std::vector<OutputLine>> read_output(std::int64_t job, std::uint64_t first,
                                                        std::size_t limit) = 0;

  std::function<void(std::int64_t job, const Progress&)> on_progress;
  std::function<void(std::int64_t job)> on_output;  // there are new lines
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Microseconds now() = 0;
  // Runs calls on the loop's thread, later, in the order of posting.
  virtual void post(std::function<void()> call) = 0;
  // Calls once after the delay; another call with the same key replaces this one.
  virtual void after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> call) = 0;
};

// Announcements to the outside: the objects on the bus, which read their values from the Manager.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // An object was added, changed or removed: the bus must be brought in sync with the manager's state.
  virtual void object_changed(ObjectKind kind, const std::string& name) = 0;
  virtual void job_changed(std::int64_t job) = 0;   // new, or other state, reason or archive
  virtual void job_progress(std::int64_t job) = 0;  // only files, bytes and path changed
  virtual void job_ended(std::int64_t job) = 0;
  virtual void job_forgotten(std::int64_t job) = 0;  // the object is removed; history has the job
  virtual void job_output(const std::string& follower, std::int64_t job, std::uint64_t first,
                          const std::vector<OutputLine>& lines, bool end) = 0;
  virtual void manager_changed() = 0;  // DatabaseState, SshPublicKey
};

// Plain-text secrets live no longer than the call or the credential that needs them.
struct SshKeyPair {
  std::string private_key;  // OpenSSH format
  std::string public_line;  // as in authorized_keys
};
class Secrets {
 public:
  virtual ~Secrets() = default;
  // kind, owner and field are bound into the encryption.
  virtual Expected<std::string> seal(const std::string& kind, const std::string& owner,
                                     const std::string& field, std::string_view plain) = 0;
  virtual Expected<std::string> open(const std::string& kind, const std::string& owner,
                                     const std::string& field, std::string_view sealed) = 0;
  virtual std::string random_passphrase() = 0;
  virtual std::string random_uuid() = 0;
  virtual Expected<SshKeyPair> make_ssh_key() = 0;
};

// A request on the bus for which authorization was decided.
struct AccessRequest {
  std::string actor;                         // "uid 1000", or a bus name
  std::string method;                        // "Policy.Remove"
  std::string action;                        // polkit's, in full
  std::map<std::string, std::string> about;  // objects' names: "policy", "client", "repository", "job" …
};

// The journal: events on which an administrator may act, with fields and a catalog entry.
class EventLog {
 public:
  virtual ~EventLog() = default;
  virtual void job_started(const Job& job) = 0;
  virtual void job_ended(const Job& job) = 0;
  virtual void database(bool available, const std::string& reason) = 0;
  virtual void granted(const AccessRequest& request) = 0;  // except for read-only calls
  virtual void denied(const AccessRequest& request) = 0;
  // A job waits (for the given reason), was started, or continues: for debugging.
  virtual void job_moved(const Job& job) = 0;
  virtual void history_forgotten(std::int64_t jobs) = 0;
  virtual void trouble(const std::string& message) = 0;  // a failed operation of the daemon
};

}  // namespace cyborg
