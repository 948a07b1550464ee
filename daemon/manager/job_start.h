// SPDX-License-Identifier: GPL-3.0-or-later
// Collects the input of a job's process before its unit starts: specification and credentials, with one
// database query after the other. One object holds the start; each named member is a step.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "manager/state.h"
#include "store/store.h"

namespace cyborg {

class JobStart : public std::enable_shared_from_this<JobStart> {
 public:
  // The outcomes: one of them is called, once, unless the start is destroyed first.
  struct Ends {
    std::function<void()> ready;                    // spec and credentials are complete
    std::function<void(JobResult)> impossible;      // this is the end of the job
    std::function<void(const Error& why)> put_off;  // the database did not answer: the job stays in the queue
  };
  struct Outside {
    store::Store& store;
    Clock& clock;
    Secrets& secrets;
    const Paths& paths;
  };

  JobStart(const State& state, Outside outside, Job job, Ends ends);

  // password: of the client's user, for its preparation. has_output: a caller waits for the restore's
  // output.
  void begin(const std::optional<std::string>& password, bool has_output);

  const Job& job() const { return job_; }
  const JobSpec& spec() const { return spec_; }
  std::map<std::string, std::string>& credentials() { return credentials_; }

 private:
  // The steps, in order; each calls the next.
  void describe(const std::optional<std::string>& password, bool has_output);
  void choose_archives();
  void add_passphrase();
  void add_new_passphrase();
  void add_database_password();

  void choose_removals_of(const store::Series& series);
  void choose_newest_of(const store::Series& series);
  void add_limits();
  // Queries the archives of the series; zone: of the calendar periods that retention counts.
  void ask_series(const std::string& zone, void (JobStart::*then)(const store::Series&));
  // Makes the secret the credential of that name, if there is one; it is encrypted as a field of its owner.
  void ask_secret(const char* name, const store::SecretKey& key, const std::string& field,
                  void (JobStart::*next)());
  void refuse(ResultCode code, std::string message);

  const State& state_;
  Outside out_;
  Job job_;
  Ends ends_;
  JobSpec spec_;
  Retention keep_;
  std::map<std::string, std::string> credentials_;
};

}  // namespace cyborg
