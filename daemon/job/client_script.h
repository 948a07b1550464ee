// SPDX-License-Identifier: GPL-3.0-or-later
// Scripts that read and write on the job's client, without borg.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/fd.h"
#include "job/job.h"

namespace cyborg {

// The client of a job: another machine, over a connection that is kept open, or this one.
class ClientShell {
 public:
  explicit ClientShell(JobContext& job);  // connects; throws Failure

  // The connection; not for a client that is this machine.
  ssh::Session& session() { return *session_; }
  // Runs a script that reads `input` from its beginning, and passes on its output. Throws Failure unless it
  // succeeded.
  void run(const std::string& script, int input, const std::function<void(std::string_view)>& output);

 private:
  void run_there(const std::string& script, int input, const std::function<void(std::string_view)>& output);
  void run_here(const std::string& script, int input, const std::function<void(std::string_view)>& output);

  JobContext& job_;
  std::unique_ptr<ssh::Session> session_;
};

// An anonymous file in the job's directory.
Fd make_scratch_file(JobContext& job);

}  // namespace cyborg
