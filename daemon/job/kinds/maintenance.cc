// SPDX-License-Identifier: GPL-3.0-or-later
// Kinds prune, compact, check and list: the server's own work on a borg repository.
#include <fmt/format.h>

#include <algorithm>

#include "borg/command.h"
#include "borg/result.h"
#include "job/borg/repository_borg.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Listing = std::map<std::string, std::string>;  // archive → id

BorgStep run(JobContext& job, BorgVerb verb,
             const std::function<std::vector<std::string>(const std::string&)>& command) {
  return run_on_repository(job, verb, command, job.spec().repository_host.host_key);
}

// Throws Failure if the repository cannot be listed.
Listing list_archives(JobContext& job) {
  const BorgStep step = run(job, BorgVerb::list, borg_list);
  if (!is_good(step.result)) throw Failure(step.result.code, step.result.message, JobState::failed);
  auto listing = parse_archive_list(step.end.output);
  if (!listing) throw Failure(ResultCode::borg_error, "borg printed no list of archives");
  return *std::move(listing);
}

void begin(JobContext& job, const char* what) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("{} of repository {}", what, repository_name(spec)));
  if (spec.repository_host.address.empty()) check_local_repository(spec);
}

// The archives that the repository no longer has. It is listed again: only archives that are really gone may
// be reported as removed.
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
    result.code = ResultCode::not_removed;
  }
  result.message =
      fmt::format("{} of {} archives removed, {} kept", gone, spec.remove.size(), spec.keep_ids.size());
  return result;
}

// More would not fit in a result file; no pruned repository has as many.
constexpr std::size_t kMostListed = 15'000;

// All archives of a listing, for comparison with the history.
Expected<Json::Value> listed_archives(const std::string& output) {
  const auto archives = parse_archives(output);
  if (!archives) return fail(ErrorCode::failed, "borg printed no list of archives");
  if (archives->size() > kMostListed) {
    return fail(ErrorCode::failed,
                fmt::format("{} archives are more than can be compared with the history ({})",
                            archives->size(), kMostListed));
  }
  Json::Value facts{Json::arrayValue};
  for (const auto& archive : *archives) {
    Json::Value& one = facts.append(Json::objectValue);
    one["name"] = archive.name;
    one["id"] = archive.id;
    one["created"] = Json::Int64{archive.created};
  }
  return facts;
}

// A check examines existing data; whether archives are missing is a separate question.
void compare(JobContext& job, JobResult& result) {
  const auto unknown = [&](const std::string& reason) {
    end_as(result, ResultCode::listing, result.message + "; its archives could not be listed: " + reason,
           JobState::warning);
  };
  try {
    const BorgStep step = run(job, BorgVerb::list, borg_list);
    if (!is_good(step.result)) return unknown(step.result.message);
    auto archives = listed_archives(step.end.output);
    if (!archives) return unknown(archives.error().message);
    result.facts["archives"] = *std::move(archives);
  } catch (const Failure& failure) {
    if (job.canceled()) throw;
    unknown(failure.what());
  }
}

// The sizes of an archive to be imported. Throws Failure.
Json::Value look_at(JobContext& job, const Json::Value& archives, const std::string& name) {
  const bool there =
      std::ranges::any_of(archives, [&](const Json::Value& one) { return one["name"] == name; });
  if (!there) {
    throw Failure(ResultCode::archive_missing,
                  fmt::format("there is no archive {} in repository {}", name, repository_name(job.spec())));
  }
  const BorgStep step = run(job, BorgVerb::info, [&](const std::string& repository) {
    return borg_archive_info(repository, name);
  });
  if (!is_good(step.result)) throw Failure(step.result.code, step.result.message, JobState::failed);
  auto facts = parse_archive_info(step.end.output);
  if (!facts) throw Failure(ResultCode::borg_error, fmt::format("borg printed nothing of archive {}", name));
  job.output().line(6, fmt::format("archive {}", name));
  return *std::move(facts);
}

}  // namespace

JobResult prune(JobContext& job) {
  begin(job, "prune");
  const JobSpec& spec = job.spec();
  if (spec.remove.empty()) {
    return make_result(ResultCode::ok,
                       fmt::format("nothing to remove, {} archives kept", spec.keep_ids.size()));
  }
  const auto names = archives_to_remove(list_archives(job), spec);
  if (!names) return make_result(ResultCode::listing_not_credible, names.error().message);
  JobResult result = make_result(ResultCode::ok, "");
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
  BorgStep step =
      run(job, BorgVerb::check, [&](const std::string& repository) { return borg_check(spec, repository); });
  if (step.result.state != JobState::successful) return step.result;
  const bool to_end = step.end.log.checked_to_end();
  step.result.facts["complete"] = spec.max_duration == 0 || to_end;
  if (spec.max_duration == 0) {
    step.result.message = spec.verify_data ? "no damage found, all data was read" : "no damage found";
  } else {
    step.result.message = fmt::format("no damage found in {} s of checking; {}", spec.max_duration,
                                      to_end ? "that was the last part, the next check starts again"
                                             : "the next check continues from there");
  }
  compare(job, step.result);
  return step.result;
}

JobResult list_repository(JobContext& job) {
  begin(job, "listing");
  BorgStep step = run(job, BorgVerb::list, borg_list);
  if (!is_good(step.result)) return step.result;
  auto archives = listed_archives(step.end.output);
  if (!archives) return make_result(ResultCode::listing, archives.error().message);
  Json::Value imported{Json::arrayValue};
  for (const auto& name : job.spec().import_names) imported.append(look_at(job, *archives, name));
  step.result.message = fmt::format("{} archives", archives->size());
  step.result.facts["archives"] = *std::move(archives);
  step.result.facts["imported"] = std::move(imported);
  return step.result;
}

}  // namespace cyborg
