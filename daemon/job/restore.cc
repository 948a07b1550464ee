// Kind restore: borg extract on the client.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/borg_result.h"
#include "core/job_script.h"
#include "job/borg_run.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

BorgEnd extract_here(JobContext& job, Serve* serve) {
  const JobSpec& spec = job.spec();
  const mode_t mask = ::umask(022);  // the directory belongs to the machine's users
  std::error_code error;
  if (!spec.dry_run) std::filesystem::create_directories(spec.directory, error);
  LocalBorg borg;
  borg.command = borg_extract(spec, serve ? relay_url(spec.repository_path) : spec.repository_path);
  borg.base_dir = server_borg_directory() + "/restore";
  borg.directory = spec.dry_run ? "/" : spec.directory;
  borg.serve = serve;
  if (error) {
    throw Failure("no-directory", fmt::format("{} cannot be made: {}", spec.directory, error.message()),
                  JobState::failed);
  }
  BorgEnd end = run_local(job, borg);
  ::umask(mask);
  return end;
}

BorgEnd extract_there(JobContext& job, Serve& serve) {
  ssh::Session session{job.spec().target, job.credentials()};
  job.throw_if_canceled();
  const std::string relay = random_relay();
  const RemoteBorg borg{restore_script(job.spec(), relay), job.passphrase() + "\n", relay, &serve};
  BorgEnd end = run_remote(job, session, job.spec().target.user, borg);
  if (!job.canceled()) check_script(end, job.spec(), job.spec().target.user);
  return end;
}

}  // namespace

JobResult restore(JobContext& job) {
  const JobSpec& spec = job.spec();
  if (!spec.directory.starts_with('/')) {
    throw Failure("environment", fmt::format("the directory \"{}\" is not absolute", spec.directory));
  }
  job.output().line(6, fmt::format("restore of archive {} from {} to {}:{}", spec.archive,
                                   repository_name(spec), spec.client, spec.directory));
  const bool here = spec.local && spec.repository_host.address.empty();
  if (here) check_local_repository(spec);
  const auto serve = here ? nullptr : Serve::start(job, spec.repository_host.host_key);
  const BorgEnd end = spec.local ? extract_here(job, serve.get()) : extract_there(job, *serve);
  JobResult result = judge_borg(BorgVerb::extract, end.status, end.log, spec);
  result = conclude(job, std::move(result), end, serve.get());
  if (result.state == JobState::successful) {
    result.message =
        fmt::format("archive {} {} to {}:{}", spec.archive,
                    spec.dry_run ? "could be restored" : "was restored", spec.client, spec.directory);
  }
  return result;
}

}  // namespace cyborg
