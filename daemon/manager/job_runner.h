// From pending to ended: starts what the queue allows, takes in what ended, and after any restart finds out
// what became of everything.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "manager/state.h"
#include "plan/retention.h"
#include "plan/retry.h"
#include "store/store.h"

namespace cyborg {

class Followers;

// The end of a job that never ran.
JobResult not_run(ResultCode code, std::string message);

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

  // Takes jobs that were just created into the queue.
  void enqueue(std::vector<Job> jobs);
  // A password for one prepare-client job; forgotten once its unit started.
  void remember_password(std::int64_t job, std::string password);
  // Where a restore goes to; closed here when its unit has it, or it will never have one.
  void remember_output(std::int64_t job, Descriptor output);
  void cancel(std::int64_t job, Done<void> done);

  // Compares the queue with units and state directories: adopts what runs, takes in what ended, fails what
  // vanished.
  void reconcile();
  // Looks for jobs to start, on the next turn of the loop.
  void wake();

  std::size_t live_jobs() const;

  // A job has ended, and that is recorded.
  std::function<void()> on_finished;
  // A job took archives over into the history that the catalog could have.
  std::function<void(const std::vector<store::Archive>& archives)> on_imported;

 private:
  void start_ready();
  void wake_for_retries(Microseconds now);
  void start(const Job& job);
  // For a prune: which archives go.
  void choose_archives(std::int64_t job, JobSpec spec, std::map<std::string, std::string> credentials);
  // For a verification of the newest archive: which that is.
  void choose_newest(std::int64_t job, JobSpec spec, std::map<std::string, std::string> credentials);
  void add_passphrase(std::int64_t job, JobSpec spec, std::map<std::string, std::string> credentials);
  void with_secret(std::int64_t job, const char* name, const store::SecretKey& key,
                   std::map<std::string, std::string> credentials,
                   std::function<void(std::map<std::string, std::string>)> then);
  void add_database_password(std::int64_t job, const JobSpec& spec,
                             std::map<std::string, std::string> credentials);
  void launch(std::int64_t job, const JobSpec& spec, std::map<std::string, std::string> credentials);
  void started(std::int64_t job, const Expected<void>& result);
  void take_in(std::int64_t job, const std::string& service_result);
  // Back into the queue, for another attempt.
  void postpone(std::int64_t job, const Retry& retry);
  void finish(std::int64_t job, const JobResult& result);
  void finished(const store::FinishedJob& finished);
  void apply_facts(const store::FinishedJob& finished);
  void ended(Job job);
  void archive_output(std::int64_t job);
  void set_state(std::int64_t job, JobState state, std::string reason);
  void flush_updates();
  void retry_later(const char* what);
  void adopt(const std::set<std::int64_t>& suspects, const std::vector<JobUnit>& units);
  std::chrono::seconds timeout_of(const Job& job) const;
  JobResult result_of(std::int64_t job, const std::optional<JobResult>& left,
                      const std::string& service_result) const;

  State& state_;
  Followers& followers_;
  Outside out_;
  Paths paths_;
  std::map<std::int64_t, store::JobUpdate> updates_;  // not written yet
  std::map<std::int64_t, std::string> passwords_;
  std::map<std::int64_t, Descriptor> outputs_;
  std::set<std::int64_t> finishing_;  // their end is being recorded
  std::set<std::int64_t> canceling_;
  std::set<std::int64_t> archiving_;  // their output is being stored
};

}  // namespace cyborg
