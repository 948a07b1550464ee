#include "job/borg/archive_listing.h"

#include <fmt/format.h>

#include "borg/result.h"
#include "job/borg/borg_run.h"
#include "ssh/failure.h"

namespace cyborg {

std::string restore_borg_directory() {
  return server_borg_directory() + "/restore";
}

void list_archive(JobContext& job, const std::function<void(ArchiveItem&)>& take) {
  const JobSpec& spec = job.spec();
  const bool here = spec.repository_host.address.empty();
  if (here) check_local_repository(spec);
  const auto serve = here ? nullptr : Serve::start(job, spec.repository_host.host_key);
  ItemReader reader{take};
  const auto not_credible = [&] {
    return Failure("listing", fmt::format("borg's listing of archive {} makes no sense", spec.archive),
                   JobState::failed);
  };
  LocalBorg borg;
  borg.command = borg_list_items(spec, here ? spec.repository_path : relay_url(spec.repository_path));
  borg.base_dir = restore_borg_directory();
  borg.serve = serve.get();
  borg.on_output = [&](std::string_view piece) {
    if (!reader.feed(piece)) throw not_credible();
  };
  const BorgEnd end = run_local(job, borg);
  JobResult result = judge_borg(BorgVerb::list, end.status, end.log, spec);
  result = conclude(job, std::move(result), end, serve.get());
  job.throw_if_canceled();
  if (result.state != JobState::successful) throw Failure(result.code, result.message, JobState::failed);
  if (!reader.finished()) throw not_credible();
}

void throw_missing(JobContext& job, const Selection& selection) {
  throw Failure("path-not-in-archive",
                missing_message(job.spec(), *selection.missing(), selection.near_missing()),
                JobState::failed);
}

}  // namespace cyborg
