// What the manager needs of the outside. The outer parts implement it; the manager links none of them.
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
// A continuation between parts of the manager: called once, perhaps from within the call that took it.
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

// A job's unit as systemd has it. One that failed stays until it is told to forget it.
struct JobUnit {
  std::int64_t job = 0;
  bool ended = false;
  // Of one that ended: "exit-code", "signal", "timeout", "oom-kill" …, as in systemd.exec(5); or empty.
  std::string service_result;
  std::string attempt;  // the token of the attempt that it was started for; empty: by a version that had none
};

class Systemd {
 public:
  virtual ~Systemd() = default;

  // Writes the credentials (files 0600 in a 0700 directory on /run), starts the unit, answers when it was
  // executed or could not be.
  virtual void start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                         Done<void> done) = 0;
  // Answers when systemd took the request; the unit's end is reported by on_job_ended.
  virtual void stop_job(std::int64_t job, Done<void> done) = 0;
  virtual void list_jobs(Done<std::vector<JobUnit>> done) = 0;
  // Once its end has been recorded.
  virtual void forget_job(std::int64_t job) = 0;
  // Makes the generated timers be exactly these (name of the unit → its file's text). Timers whose text
  // changed while the daemon ran, or that are new, do not catch up on elapses before now.
  virtual void set_timers(std::map<std::string, std::string> timers, Done<void> done) = 0;
  // The next elapses of the union of OnCalendar expressions; refuses what is invalid or never elapses.
  virtual void next_elapses(std::vector<std::string> calendar, unsigned count,
                            Done<std::vector<Microseconds>> done) = 0;

  // Its unit ended; service_result as in JobUnit. To be set before the first call.
  std::function<void(std::int64_t job, const std::string& service_result)> on_job_ended;
};

// The state directories of jobs.
class JobFiles {
 public:
  virtual ~JobFiles() = default;
  virtual void watch(std::int64_t job) = 0;  // on_progress and on_output from now on
  virtual void unwatch(std::int64_t job) = 0;
  virtual Expected<std::optional<JobResult>> read_result(std::int64_t job) = 0;  // of a job that ended
  // Before another attempt: what it printed stays, its result goes.
  virtual void clear_result(std::int64_t job) = 0;
  virtual std::vector<std::int64_t> list() = 0;  // jobs that have a state directory
  // The directory of them all, if its file system has no room for another file; otherwise empty.
  virtual std::string full_directory() const = 0;
  virtual std::string output_path(std::int64_t job) = 0;
  virtual void remove(std::int64_t job) = 0;
  // The state directory becomes no job's: it is kept under another name, which is answered; empty: there is
  // none.
  virtual std::string set_aside(std::int64_t job) = 0;
  // Up to limit lines from line `first`; sequential reads are cheap.
  virtual Expected<std::vector<OutputLine>> read_output(std::int64_t job, std::uint64_t first,
                                                        std::size_t limit) = 0;

  std::function<void(std::int64_t job, const Progress&)> on_progress;
  std::function<void(std::int64_t job)> on_output;  // there are new lines
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Microseconds now() = 0;
  // Calls on the loop's thread, later, in the order of posting.
  virtual void post(std::function<void()> call) = 0;
  // Calls once after the delay; a second call with the same key replaces the first.
  virtual void after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> call) = 0;
};

// What is told to the outside: the objects on the bus. The objects themselves are read from the Manager.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // The object was added, changed or removed: whichever makes the bus agree with the manager's state.
  virtual void object_changed(ObjectKind kind, const std::string& name) = 0;
  virtual void job_changed(std::int64_t job) = 0;   // new, or other state, reason or archive
  virtual void job_progress(std::int64_t job) = 0;  // files, bytes and path alone
  virtual void job_ended(std::int64_t job) = 0;
  virtual void job_forgotten(std::int64_t job) = 0;  // the object goes; history has it
  virtual void job_output(const std::string& follower, std::int64_t job, std::uint64_t first,
                          const std::vector<OutputLine>& lines, bool end) = 0;
  virtual void manager_changed() = 0;  // DatabaseState, SshPublicKey
};

// Secrets in clear live no longer than the call or the credential they are for.
struct SshKeyPair {
  std::string private_key;  // OpenSSH format
  std::string public_line;  // as in authorized_keys
};
class Secrets {
 public:
  virtual ~Secrets() = default;
  // kind, owner and field are bound into the seal.
  virtual Expected<std::string> seal(const std::string& kind, const std::string& owner,
                                     const std::string& field, std::string_view plain) = 0;
  virtual Expected<std::string> open(const std::string& kind, const std::string& owner,
                                     const std::string& field, std::string_view sealed) = 0;
  virtual std::string random_passphrase() = 0;
  virtual std::string random_uuid() = 0;
  virtual Expected<SshKeyPair> make_ssh_key() = 0;
};

// What somebody asked for on the bus, when it was decided whether they may.
struct AccessRequest {
  std::string actor;                         // "uid 1000", or a bus name
  std::string method;                        // "Policy.Remove"
  std::string action;                        // polkit's, in full
  std::map<std::string, std::string> about;  // "policy", "client", "repository", "job" and the like: the name
};

// The journal: events that an administrator may act on, with fields and a catalog entry.
class EventLog {
 public:
  virtual ~EventLog() = default;
  virtual void job_started(const Job& job) = 0;
  virtual void job_ended(const Job& job) = 0;
  virtual void database(bool available, const std::string& reason) = 0;
  virtual void granted(const AccessRequest& request) = 0;  // not those that only look
  virtual void denied(const AccessRequest& request) = 0;
  // A job waits (the reason says what for), was started, or goes on: for whoever wants to know it all.
  virtual void job_moved(const Job& job) = 0;
  virtual void history_forgotten(std::int64_t jobs) = 0;
  virtual void trouble(const std::string& message) = 0;  // something the daemon could not do
};

}  // namespace cyborg
