// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/archive_listing.h"

#include <fmt/format.h>

#include "borg/result.h"
#include "job/borg/repository_borg.h"
#include "ssh/failure.h"

namespace cyborg {

std::string restore_borg_directory() {
  return server_borg_directory() + "/restore";
}

void list_archive(JobContext& job, const std::function<void(ArchiveItem&)>& take) {
  const JobSpec& spec = job.spec();
  const RepositoryBorg repository{job, RepositoryBorg::Where::server};
  ItemReader reader{take};
  const auto not_credible = [&] {
    return Failure(ResultCode::listing,
                   fmt::format("borg's listing of archive {} is malformed", spec.archive));
  };
  LocalBorg borg;
  borg.command = borg_list_items(spec, repository.url());
  borg.base_dir = restore_borg_directory();
  borg.on_output = [&](std::string_view piece) {
    if (!reader.feed(piece)) throw not_credible();
  };
  const JobResult result = repository.judge(BorgVerb::list, repository.run(borg));
  job.throw_if_canceled();
  if (result.state != JobState::successful) throw Failure(result.code, result.message, JobState::failed);
  if (!reader.finished()) throw not_credible();
}

void throw_missing(JobContext& job, const Selection& selection) {
  throw Failure(ResultCode::path_not_in_archive,
                missing_message(job.spec(), *selection.missing(), selection.near_missing()));
}

}  // namespace cyborg
