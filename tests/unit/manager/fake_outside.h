// SPDX-License-Identifier: GPL-3.0-or-later
// The outside of the manager except for the store: systemd, the jobs' files, the clock, the bus, secrets and
// the journal, in memory. A Machine has the state that outlives the daemon.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "manager/ports.h"
#include "unit/manager/calls.h"

namespace cyborg::test {

struct Unit {
  JobSpec spec;
  std::set<std::string> credentials;  // names
  bool ended = false;                 // and kept by systemd, since it failed
  std::string service_result;
};

// Distinguishes jobs that have the same number.
template <typename SpecOrJob>
std::string identity_of(const SpecOrJob& one) {
  return std::string{to_string(one.kind)} + " " + one.client + " " + one.repository + " " +
         (one.kind == JobKind::backup ? one.archive : "");
}

struct Machine {
  std::map<std::int64_t, Unit> units;
  std::map<std::int64_t, std::optional<JobResult>> directories;  // of state, with the results in them
  std::vector<std::string> set_aside;  // directories that were kept, but no longer belong to a job
  std::set<std::int64_t> lost;         // jobs that nobody can know of any more: neither database nor daemon
  std::vector<std::string> starts;     // "7 of web", in order
  std::vector<std::string> violations;
  bool started_twice_is_wrong = true;
  std::string next_code;  // the code of results; empty: the usual one

  // A result as made by cyborg-job: its message names the job that it was told to do.
  JobResult result_of(const JobSpec& spec, JobState state) const;
  bool runs(std::int64_t job) const;
  void start(JobSpec spec, std::set<std::string> credentials);
  // Leaves this result, or none. The unit disappears, unless it failed.
  void end(std::int64_t job, std::optional<JobState> state, const std::string& service_result = "");
};

class FakeClock : public Clock {
 public:
  struct Timer {
    Microseconds due = 0;
    std::uint64_t order = 0;
    std::function<void()> call;
  };

  Microseconds now() override { return now_; }
  void after(const std::string& key, std::chrono::milliseconds delay, std::function<void()> call) override {
    timers[key] = {now_ + std::chrono::microseconds{delay}.count(), ++order_, std::move(call)};
  }
  void post(std::function<void()> call) override { posted_.push_back(std::move(call)); }

  // Runs posted calls and timers that are due, until there are none.
  void turn();
  // Advances to the next timer whose key does not begin like this. False: there is none.
  bool advance(std::string_view except = "forget ");
  void forget_all() {
    timers.clear();
    posted_.clear();
  }

  std::map<std::string, Timer> timers;

 private:
  std::map<std::string, Timer>::iterator next(std::string_view except);

  Microseconds now_ = 1'800'000'000'000'000;
  std::uint64_t order_ = 0;
  std::deque<std::function<void()>> posted_;
};

class FakeSystemd : public Systemd {
 public:
  explicit FakeSystemd(Machine& machine) : machine_(machine) {}

  void start_job(const UnitSpec& unit, std::map<std::string, std::string> credentials,
                 Done<void> done) override;
  void stop_job(std::int64_t job, Done<void> done) override;
  void list_jobs(Done<std::vector<JobUnit>> done) override;
  void forget_job(std::int64_t job) override;
  void set_timers(std::map<std::string, std::string> timers, Done<void> done) override;
  void next_elapses(std::vector<std::string> calendar, unsigned count,
                    Done<std::vector<Microseconds>> done) override;

  // Ends a unit, and reports it to a daemon that started or listed it.
  void end(std::int64_t job, std::optional<JobState> state, const std::string& service_result = "");

  Calls calls;
  std::set<std::int64_t> stopping;

 private:
  Machine& machine_;
  std::set<std::int64_t> live_;
};

class FakeFiles : public JobFiles {
 public:
  explicit FakeFiles(Machine& machine) : machine_(machine) {}

  void watch(std::int64_t job) override { watched.insert(job); }
  void unwatch(std::int64_t job) override { watched.erase(job); }
  Expected<std::optional<JobResult>> read_result(std::int64_t job) override;
  void clear_result(std::int64_t job) override;
  std::vector<std::int64_t> list() override;
  std::string full_directory() const override { return {}; }
  std::string output_path(std::int64_t) override { return {}; }
  std::string set_aside(std::int64_t job) override;
  void remove(std::int64_t job) override { machine_.directories.erase(job); }
  Expected<std::vector<OutputLine>> read_output(std::int64_t, std::uint64_t, std::size_t) override {
    return std::vector<OutputLine>{};
  }

  std::set<std::int64_t> watched;
  bool unreadable = false;

 private:
  Machine& machine_;
};

class FakePublisher : public Publisher {
 public:
  void object_changed(ObjectKind, const std::string&) override {}
  void job_changed(std::int64_t) override {}
  void job_progress(std::int64_t) override {}
  void job_ended(std::int64_t job) override { ended.push_back(job); }
  void job_forgotten(std::int64_t job) override { forgotten.push_back(job); }
  void job_output(const std::string& follower, std::int64_t, std::uint64_t, const std::vector<OutputLine>&,
                  bool) override {
    told.push_back(follower);
  }
  void manager_changed() override {}

  std::vector<std::int64_t> ended, forgotten;
  std::vector<std::string> told;
};

class FakeSecrets : public Secrets {
 public:
  Expected<std::string> seal(const std::string&, const std::string&, const std::string&,
                             std::string_view plain) override {
    return "sealed " + std::string{plain};
  }
  Expected<std::string> open(const std::string&, const std::string&, const std::string&,
                             std::string_view sealed) override {
    if (closed) return fail(ErrorCode::failed, "it does not open");
    return std::string{sealed.substr(std::string_view{"sealed "}.size())};
  }
  std::string random_passphrase() override { return "passphrase"; }
  std::string random_uuid() override;
  Expected<SshKeyPair> make_ssh_key() override { return SshKeyPair{"private", "public"}; }

  bool closed = false;
  std::uint64_t made = 0;
};

class FakeLog : public EventLog {
 public:
  void job_started(const Job&) override {}
  void job_ended(const Job&) override {}
  void database(bool, const std::string&) override {}
  void granted(const AccessRequest&) override {}
  void denied(const AccessRequest&) override {}
  void job_moved(const Job&) override {}
  void history_forgotten(std::int64_t) override {}
  void trouble(const std::string& message) override { troubles.push_back(message); }

  std::vector<std::string> troubles;
};

}  // namespace cyborg::test
