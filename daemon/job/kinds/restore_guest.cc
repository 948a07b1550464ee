// SPDX-License-Identifier: GPL-3.0-or-later
// Restores a guest of an archive into the hypervisor on the client.
#include <fmt/format.h>

#include "borg/result.h"
#include "job/borg/repository_borg.h"
#include "job/kinds/restore.h"
#include "remote/guest_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

BorgEnd run_here(JobContext& job, const RepositoryBorg& repository) {
  LocalBorg borg;
  borg.command = {"sh", "-c", guest_script(job.spec(), "")};
  borg.base_dir = server_borg_directory();
  borg.second_line = "\n";
  return repository.run(borg);
}

BorgEnd run_there(JobContext& job, const RepositoryBorg& repository) {
  ssh::Session session{job.spec().target, job.credentials()};
  job.throw_if_canceled();
  const std::string relay = random_relay();
  const RemoteBorg borg{guest_script(job.spec(), relay), job.passphrase() + "\n\n", relay,
                        repository.serve()};
  return run_remote(job, session, job.spec().target.user, borg);
}

}  // namespace

JobResult restore_guest(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("restore of {} in archive {} from {} to {}", guest_name(spec),
                                   spec.archive, repository_name(spec), spec.client));
  const RepositoryBorg repository{job, RepositoryBorg::Where::client};
  const BorgEnd end = spec.local ? run_here(job, repository) : run_there(job, repository);
  if (!job.canceled()) check_script(end, spec, spec.target.user);
  JobResult result = repository.judge(BorgVerb::extract, end);
  if (result.code == ResultCode::path_not_in_archive) {
    result.message = fmt::format("guest \"{}\" is not in archive {}", spec.restore.guest, spec.archive);
  }
  if (result.state != JobState::successful) return result;
  result.message = fmt::format("{} of archive {} {} on {}", guest_name(spec), spec.archive,
                               spec.dry_run         ? "could be restored"
                               : spec.restore.start ? "was restored and started"
                                                    : "was restored",
                               spec.client);
  return result;
}

}  // namespace cyborg
