// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/repository_borg.h"

namespace cyborg {

RepositoryBorg::RepositoryBorg(JobContext& job, Where where) : job_(job) {
  const JobSpec& spec = job.spec();
  const bool on_server = where == Where::server || spec.local;
  if (on_server && spec.repository_host.address.empty()) {
    check_local_repository(spec);
  } else if (where == Where::server || !spec.direct.used) {
    serve_ = Serve::start(job, spec.repository_host.host_key);
  }
}

RepositoryBorg::RepositoryBorg(JobContext& job, const std::string& host_key) : job_(job) {
  if (!job.spec().repository_host.address.empty()) serve_ = Serve::start(job, host_key);
}

std::string RepositoryBorg::url() const {
  const std::string& path = job_.spec().repository_path;
  return serve_ ? relay_url(path) : path;
}

BorgEnd RepositoryBorg::run(LocalBorg& borg) const {
  borg.serve = serve_.get();
  return run_local(job_, borg);
}

JobResult RepositoryBorg::judge(BorgVerb verb, const BorgEnd& end) const {
  return conclude(job_, judge_borg(verb, end.status, end.log, job_.spec()), end, serve_.get());
}

BorgStep run_on_repository(JobContext& job, BorgVerb verb,
                           const std::function<std::vector<std::string>(const std::string&)>& command,
                           const std::string& host_key, const std::string& new_passphrase) {
  // Each borg gets a serve of its own, which ends with it.
  const RepositoryBorg repository{job, host_key};
  LocalBorg borg;
  borg.command = command(repository.url());
  borg.base_dir = server_borg_directory();
  borg.new_passphrase = new_passphrase;
  BorgStep step;
  step.end = repository.run(borg);
  step.result = repository.judge(verb, step.end);
  if (const Serve* serve = repository.serve()) {
    for (const auto& line : serve->said()) step.end.log.note(line);
  }
  job.throw_if_canceled();
  return step;
}

}  // namespace cyborg
