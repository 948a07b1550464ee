// A guest of an archive, put back into the hypervisor on the client.
#include <fmt/format.h>

#include "borg/result.h"
#include "job/borg/borg_run.h"
#include "job/kinds/restore.h"
#include "remote/guest_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

BorgEnd run_here(JobContext& job, Serve* serve) {
  LocalBorg borg;
  borg.command = {"sh", "-c", guest_script(job.spec(), "")};
  borg.base_dir = server_borg_directory();
  borg.serve = serve;
  borg.second_line = "\n";
  return run_local(job, borg);
}

BorgEnd run_there(JobContext& job, Serve& serve) {
  ssh::Session session{job.spec().target, job.credentials()};
  job.throw_if_canceled();
  const std::string relay = random_relay();
  const RemoteBorg borg{guest_script(job.spec(), relay), job.passphrase() + "\n\n", relay, &serve};
  return run_remote(job, session, job.spec().target.user, borg);
}

}  // namespace

JobResult restore_guest(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("restore of {} in archive {} from {} to {}", guest_name(spec),
                                   spec.archive, repository_name(spec), spec.client));
  const bool here = spec.local && spec.repository_host.address.empty();
  if (here) check_local_repository(spec);
  const auto serve = here ? nullptr : Serve::start(job, spec.repository_host.host_key);
  const BorgEnd end = spec.local ? run_here(job, serve.get()) : run_there(job, *serve);
  if (!job.canceled()) check_script(end, spec, spec.target.user);
  JobResult result = judge_borg(BorgVerb::extract, end.status, end.log, spec);
  result = conclude(job, std::move(result), end, serve.get());
  if (result.code == "path-not-in-archive") {
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
