// SPDX-License-Identifier: GPL-3.0-or-later
// The common part of all kinds of jobs: specification, secrets, output and the request to stop.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "borg/log.h"
#include "core/fd.h"
#include "core/job_spec.h"
#include "job/output.h"
#include "job/state_files.h"
#include "ssh/pump.h"
#include "ssh/session.h"

namespace cyborg {

// Text that is wiped when it is no longer needed.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  ~Secret();
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&&) noexcept = default;
  const std::string& text() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

class JobContext {
 public:
  // Reads $CREDENTIALS_DIRECTORY and $STATE_DIRECTORY. Throws Failure.
  JobContext();

  const std::string& directory() const { return directory_; }
  const JobSpec& spec() const { return spec_; }
  // Limits a restore to these of its paths.
  void restrict_paths(std::vector<std::string> paths) { spec_.restore.paths = std::move(paths); }
  const std::string& passphrase() const { return passphrase_.text(); }
  // A pending passphrase that may open the repository; empty: there is none.
  bool has_new_passphrase() const { return !new_passphrase_.empty(); }
  const std::string& new_passphrase() const { return new_passphrase_.text(); }
  void swap_passphrases() { std::swap(passphrase_, new_passphrase_); }
  const std::string& password() const { return password_.text(); }
  const std::string& database_password() const { return database_password_.text(); }
  const std::string& database() const { return database_.text(); }
  Output& output() { return output_; }
  ProgressFile& progress() { return progress_; }

  // With the server's key, unless `password` is true.
  ssh::Credentials credentials(bool password = false) const;

  // Whether SIGTERM or SIGINT has arrived, now or earlier.
  bool canceled();
  void throw_if_canceled();
  // Makes a pump handle signals, and write output and progress in time.
  void attach(ssh::Pump& pump, std::function<void()> tick = {});

  JobResult run();  // runs the kind's work, with its hooks

 private:
  JobResult work();

  std::string directory_;
  Output output_;
  ProgressFile progress_;
  JobSpec spec_;
  Secret ssh_key_;
  Secret passphrase_;
  Secret new_passphrase_;
  Secret password_;
  Secret database_password_;
  Secret database_;
  Fd signals_;
  bool canceled_ = false;
};

JobResult prepare_client(JobContext& job);
JobResult prepare_repository(JobContext& job);
JobResult backup(JobContext& job);
JobResult restore(JobContext& job);
JobResult catalog_archive(JobContext& job);
JobResult prune(JobContext& job);
// Runs the kind's own work between its hooks.
JobResult run_with_hooks(JobContext& job, const std::function<JobResult()>& work);
JobResult compact(JobContext& job);
JobResult check(JobContext& job);
JobResult list_repository(JobContext& job);
JobResult verify(JobContext& job);
JobResult withdraw(JobContext& job);

// Where the server's own borg keeps its caches and, more importantly, its knowledge about repositories.
std::string server_borg_directory();

// The token of the attempt, for a result that is made without a JobContext; empty if there is no
// specification.
std::string attempt_if_known();

}  // namespace cyborg
