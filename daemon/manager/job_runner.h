// SPDX-License-Identifier: GPL-3.0-or-later
// From pending to ended: starts the jobs that the queue allows, records those that ended, and after any
// restart finds out what became of each.
//
//   waiting ──► pending ──► preparing ──► launching ──► running ──► (collect) ──► recording ──► gone
//                  ▲            │             │                         │             ▲
//                  ├─ put off ──┘             │                         │             │
//                  ├─ put off ────────────────┘                         │             │
//                  └────────────────── returning ◄──── to be retried ───┘             │
//
// A job that cannot run, or is canceled, goes to recording from any state; a running unit is stopped first.
// preparing: JobStart queries the database; launching: systemd was asked; returning and recording: the next
// attempt, or the end, is being stored, repeatedly if necessary. waiting, pending and running are in the
// database, the other states are lost with the process: after a restart, reconcile() finds out from units and
// results. Each attempt has a token, which is in the job's row, in the unit's description and in the result:
// a unit or result with another token belongs to another job, which the database lost before its number was
// reused.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "manager/job_start.h"
#include "manager/state.h"
#include "plan/retry.h"
#include "store/store.h"

namespace cyborg {

class Followers;

// The result of a job that never ran.
JobResult not_run(ResultCode code, std::string message);
// Tokens of attempts: random digits of the job, and after a dash those of the attempt.
std::string new_attempt(Secrets& secrets);
std::string next_attempt(const std::string& attempt, Secrets& secrets);
bool is_same_job(std::string_view attempt, std::string_view other);

enum class JobPhase { gone, waiting, pending, preparing, launching, running, returning, recording };

class JobRunner {
 public:
  struct Outside {
    store::Store& store;
    Systemd& systemd;
    JobFiles& files;
    Clock& clock;
    Publisher& publisher;
    Secrets& secrets;
    EventLog& log;
  };

  JobRunner(State& state, Followers& followers, Outside outside, Paths paths);

  // Adds newly created jobs to the queue.
  void enqueue(std::vector<Job> jobs);
  // Takes over the jobs in the database after it was away; jobs that it lost are dropped.
  void take_stored(std::vector<Job> jobs);
  // Keeps a password for one prepare-client job, until its unit has started.
  void remember_password(std::int64_t job, std::string password);
  // Keeps the output descriptor of a restore; it is closed here when the unit has it, or will never start.
  void remember_output(std::int64_t job, Descriptor output);
  void cancel(std::int64_t job, Then<void> then);

  // Compares the queue with units and state directories: adopts running jobs, records ended ones, and fails
  // those that vanished.
  void reconcile();
  // Starts jobs on the next turn of the loop.
  void wake();

  std::size_t live_jobs() const;
  JobPhase phase(std::int64_t job) const;

  // A job has ended, and its end is recorded.
  std::function<void()> on_finished;
  // A job imported archives that the catalog can take.
  std::function<void(const std::vector<store::Archive>& archives)> on_imported;
  // The database turned out to have lost a job: its other contents should be checked.
  std::function<void()> on_lost;

 private:
  // The queue.
  void admit(Job job);
  void start_ready();
  void wake_for_retries(Microseconds now);
  void retry_later(const char* what);

  // A start: preparing, launching, running.
  void prepare(const Job& job);
  void put_off(std::int64_t job, const Error& why);
  void launch(std::int64_t job);
  void launched(std::int64_t job, const Expected<void>& result);
  void run(Job& job);

  // An end, job_end.cc: collecting, then returning or recording.
  void unit_ended(std::int64_t job, const std::string& service_result);
  void collect(std::int64_t job, const std::string& service_result);
  std::optional<JobResult> own_result(const Job& job);
  JobResult judge(const Job& job, const std::optional<JobResult>& left,
                  const std::string& service_result) const;
  void return_to_queue(std::int64_t job, const Retry& retry);
  void store_return(std::int64_t job, std::shared_ptr<const store::JobUpdate> update);
  void returned(std::int64_t job, const store::JobUpdate& update);
  void record(std::int64_t job, JobResult result);
  void record_canceled(std::int64_t job);
  void store_end(std::int64_t job, std::shared_ptr<const JobResult> result);
  void recorded(const store::FinishedJob& finished);
  void apply_facts(const store::FinishedJob& finished);
  void take_dependant(const Job& job);
  void retire(Job job);
  void forget_start(std::int64_t job);
  void archive_output(std::int64_t job);

  // Jobs, units and files that the others do not know, job_reconcile.cc.
  void drop(std::int64_t job, const std::string& why);
  void set_files_aside(std::int64_t job, const std::string& why);
  void stranger_ended(std::int64_t job);
  std::set<std::int64_t> suspects();
  void adopt(std::set<std::int64_t> suspects, const std::vector<JobUnit>& units);
  void cancel_seen(const std::set<std::int64_t>& jobs);
  void adopt_running(Job& job, const std::string& attempt);
  void adopt_ended(const JobUnit& unit, std::set<std::int64_t>& suspects);

  void set_state(std::int64_t job, JobState state, std::string reason);
  // The update that will be written in a moment.
  store::JobUpdate& change(std::int64_t job);
  void flush_updates();
  std::chrono::seconds timeout_of(const Job& job) const;

  State& state_;
  Followers& followers_;
  Outside out_;
  Paths paths_;
  std::map<std::int64_t, store::JobUpdate> updates_;  // not stored yet
  std::map<std::int64_t, std::string> passwords_;
  std::map<std::int64_t, Descriptor> outputs_;
  std::map<std::int64_t, std::shared_ptr<JobStart>> starts_;  // preparing and launching
  std::set<std::int64_t> launching_;
  std::map<std::int64_t, std::shared_ptr<const store::JobUpdate>> returning_;
  std::map<std::int64_t, std::shared_ptr<const JobResult>> recording_;
  std::set<std::int64_t> canceling_;
  std::set<std::int64_t> unseen_;     // loaded, and not compared with units yet: a pending one may run
  std::set<std::int64_t> archiving_;  // their output is being stored
  // Units that run for jobs that the database lost, by number; with the job as far as it is known.
  std::map<std::int64_t, Job> strangers_;
};

}  // namespace cyborg
