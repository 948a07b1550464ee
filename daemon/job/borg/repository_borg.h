// SPDX-License-Identifier: GPL-3.0-or-later
// A borg on the job's repository: the borg serve that it needs, the repository's name for it, and the meaning
// of its result.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "job/borg/borg_run.h"

namespace cyborg {

class RepositoryBorg {
 public:
  enum class Where { server, client };  // the machine that runs borg; a client may be the server itself

  // Starts a borg serve, unless borg reaches the repository itself: on a disk of its machine, or by transport
  // direct. Throws Failure if the repository is missing or a different one.
  RepositoryBorg(JobContext& job, Where where);
  // A borg on the server, for a repository that may have to be created; its host has this key.
  RepositoryBorg(JobContext& job, const std::string& host_key);

  std::string url() const;
  Serve* serve() const { return serve_.get(); }
  // On this machine.
  BorgEnd run(LocalBorg& borg) const;
  // Also for a borg that ran elsewhere with this serve.
  JobResult judge(BorgVerb verb, const BorgEnd& end) const;

 private:
  JobContext& job_;
  std::unique_ptr<Serve> serve_;
};

// A borg on the server, and its outcome and result. Throws Failure, also for a canceled job.
struct BorgStep {
  BorgEnd end;
  JobResult result;
};
BorgStep run_on_repository(JobContext& job, BorgVerb verb,
                           const std::function<std::vector<std::string>(const std::string&)>& command,
                           const std::string& host_key, const std::string& new_passphrase = {});

}  // namespace cyborg
