// One borg on the job's repository: the borg serve that it needs, how it names the repository, and what its
// end means.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "job/borg/borg_run.h"

namespace cyborg {

class RepositoryBorg {
 public:
  enum class Where { server, client };  // the borg's machine; a client may be the server itself

  // Starts a borg serve, unless the borg gets to the repository by itself: on a disk of its machine, or by
  // transport direct. Throws Failure if the repository is missing or another one.
  RepositoryBorg(JobContext& job, Where where);
  // A borg on the server, for a repository that may have to be made; its host has this key.
  RepositoryBorg(JobContext& job, const std::string& host_key);

  std::string url() const;
  Serve* serve() const { return serve_.get(); }
  // On this machine.
  BorgEnd run(LocalBorg& borg) const;
  // Also of a borg that ran elsewhere with this serve.
  JobResult judge(BorgVerb verb, const BorgEnd& end) const;

 private:
  JobContext& job_;
  std::unique_ptr<Serve> serve_;
};

// A borg on the server, whatever it finds: its end, and what it means. Throws Failure; a canceled job, too.
struct BorgStep {
  BorgEnd end;
  JobResult result;
};
BorgStep run_on_repository(JobContext& job, BorgVerb verb,
                           const std::function<std::vector<std::string>(const std::string&)>& command,
                           const std::string& host_key, const std::string& new_passphrase = {});

}  // namespace cyborg
