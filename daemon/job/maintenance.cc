// Kinds prune, compact and check: the server's own work on a borg repository.
#include <fmt/format.h>

#include <algorithm>

#include "core/borg.h"
#include "core/borg_result.h"
#include "job/borg_run.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Listing = std::map<std::string, std::string>;  // archive → id

bool is_good(const JobResult& result) {
  return result.state == JobState::successful || result.state == JobState::warning;
}

BorgStep run(JobContext& job, BorgVerb verb,
             const std::function<std::vector<std::string>(const std::string&)>& command) {
  return run_on_repository(job, verb, command, job.spec().repository_host.host_key);
}

// Throws Failure if the repository cannot be listed.
Listing list_archives(JobContext& job) {
  const BorgStep step = run(job, BorgVerb::list, borg_list);
  if (!is_good(step.result)) throw Failure(step.result.code, step.result.message, JobState::failed);
  auto listing = parse_archive_list(step.end.output);
  if (!listing) throw Failure("borg-error", "borg printed no list of archives", JobState::failed);
  return *std::move(listing);
}

void begin(JobContext& job, const char* what) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("{} of repository {}", what, repository_name(spec)));
  if (spec.repository_host.address.empty()) check_local_repository(spec);
}

// What the repository does not hold any more. It is asked again: only what is gone may be called so.
JobResult conclude_prune(JobContext& job, JobResult result) {
  const JobSpec& spec = job.spec();
  const Listing left = list_archives(job);
  Json::Value removed{Json::arrayValue};
  for (const auto& name : spec.remove) {
    if (!left.contains(name)) removed.append(name);
  }
  const auto gone = static_cast<std::size_t>(removed.size());
  result.facts["removed"] = std::move(removed);
  if (!is_good(result)) return result;
  if (gone < spec.remove.size()) {
    result.state = JobState::failed;
    result.code = "not-removed";
  }
  result.message =
      fmt::format("{} of {} archives removed, {} kept", gone, spec.remove.size(), spec.keep_ids.size());
  return result;
}

}  // namespace

JobResult prune(JobContext& job) {
  begin(job, "prune");
  const JobSpec& spec = job.spec();
  if (spec.remove.empty()) {
    return make_result(JobState::successful, "ok",
                       fmt::format("nothing to remove, {} archives kept", spec.keep_ids.size()));
  }
  const auto names = archives_to_remove(list_archives(job), spec);
  if (!names) return make_result(JobState::failed, "listing-not-credible", names.error().message);
  JobResult result = make_result(JobState::successful, "ok", "");
  if (!names->empty()) {
    result = run(job, BorgVerb::remove, [&](const std::string& repository) {
               return borg_delete(repository, *names);
             }).result;
  }
  return conclude_prune(job, std::move(result));
}

JobResult compact(JobContext& job) {
  begin(job, "compaction");
  BorgStep step = run(job, BorgVerb::compact, borg_compact);
  if (!is_good(step.result)) return step.result;
  const std::string& freed = step.end.log.freed();
  step.result.facts["freed"] = freed;
  if (step.result.state == JobState::successful) {
    step.result.message = freed.empty() ? "nothing to free" : fmt::format("about {} freed", freed);
  }
  return step.result;
}

JobResult check(JobContext& job) {
  begin(job, "check");
  const JobSpec& spec = job.spec();
  JobResult result = run(job, BorgVerb::check, [&](const std::string& repository) {
                       return borg_check(spec, repository);
                     }).result;
  if (result.state == JobState::successful) {
    result.message =
        spec.max_duration > 0
            ? fmt::format("no damage found in {} s of checking", spec.max_duration)
            : std::string{spec.verify_data ? "no damage found, all data was read" : "no damage found"};
  }
  return result;
}

}  // namespace cyborg
