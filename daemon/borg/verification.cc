// SPDX-License-Identifier: GPL-3.0-or-later
#include "borg/verification.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyborg {
namespace {

// borg computes times in floating point.
constexpr std::int64_t kTimeTolerance = 2;  // microseconds

std::string shown(const std::string& path) {
  return "/" + path;
}

// Names the first of several paths, and the number of the others.
std::string named(const std::vector<std::string>& paths) {
  return paths.size() == 1 ? paths.front() : fmt::format("{} and {} more", paths.front(), paths.size() - 1);
}

std::string files_text(std::size_t count) {
  return fmt::format("{} file{}", count, count == 1 ? "" : "s");
}

struct Tally {
  std::vector<std::string> same, changed, unreadable, different, canaries;
};

Tally tally_of(const Verification& verification, const std::string& client) {
  Tally tally;
  for (std::size_t i = 0; i < verification.files.size(); ++i) {
    const SampledFile& file = verification.files[i];
    const auto& answer = verification.client[i];
    const Comparison comparison =
        answer ? compare(file, verification.sha256[i], *answer) : Comparison::unreadable;
    const std::string path = shown(file.path);
    if (comparison == Comparison::same) tally.same.push_back(path);
    if (comparison == Comparison::different) tally.different.push_back(path);
    if (comparison == Comparison::unreadable) tally.unreadable.push_back(path);
    if (comparison == Comparison::changed || comparison == Comparison::missing) {
      tally.changed.push_back(path);
      if (!file.canary) continue;
      tally.canaries.push_back(fmt::format("canary {} {} on {} since", path,
                                           comparison == Comparison::changed ? "was changed" : "is gone",
                                           client));
    }
  }
  return tally;
}

void warn(JobResult& result, ResultCode code, std::string message) {
  if (result.state == JobState::successful) end_as(result, code, message);
  result.warnings.push_back(std::move(message));
}

}  // namespace

Comparison compare(const SampledFile& file, const std::string& sha256, const ClientFile& client) {
  if (client.kind == ClientFile::Kind::missing) return Comparison::missing;
  if (client.kind == ClientFile::Kind::unreadable) return Comparison::unreadable;
  if (client.sha256 == sha256) return Comparison::same;
  const auto floor = [](std::int64_t time) { return time - ((time % 1'000'000) + 1'000'000) % 1'000'000; };
  const std::int64_t archived = client.exact ? file.mtime : floor(file.mtime + kTimeTolerance);
  const bool other_time = std::abs(archived - client.mtime) > kTimeTolerance;
  // The size of a hard link is not in the listing; its time is.
  const bool other_size = client.size < 0 || (file.size >= 0 && file.size != client.size);
  return other_time || other_size ? Comparison::changed : Comparison::different;
}

void add_proof(JobResult& result, const JobSpec& spec, const char* proven, std::int64_t microseconds) {
  result.facts["archive"] = spec.archive;
  result.facts["proven"] = proven;
  result.facts["restore_duration"] = Json::Int64{microseconds};
}

JobResult judge_reading(const JobSpec& spec, const Verification& verification) {
  JobResult result = make_result(ResultCode::ok, "");
  result.facts["files"] = Json::UInt64{verification.files.size()};
  result.facts["bytes"] = Json::Int64{verification.bytes};
  add_proof(result, spec, verification.files.empty() ? "" : "readable", verification.microseconds);
  result.message = fmt::format(
      "{} of archive {} ({} bytes) could be read as it was saved: readable, which is all that can be proven "
      "of it",
      files_text(verification.files.size()), spec.archive, verification.bytes);
  if (verification.files.empty()) {
    warn(result, ResultCode::nothing_compared,
         fmt::format("archive {} has no file with content: nothing was proven", spec.archive));
  }
  return result;
}

JobResult judge_verification(const JobSpec& spec, const Verification& verification) {
  if (!verification.missing_canaries.empty()) {
    return make_result(
        ResultCode::canary_missing,
        fmt::format("canary {} is not in archive {}", named(verification.missing_canaries), spec.archive));
  }
  if (!verification.odd_canaries.empty()) {
    return make_result(ResultCode::canary_missing,
                       fmt::format("canary {} is not a regular file in archive {}: name a file",
                                   named(verification.odd_canaries), spec.archive));
  }
  const std::size_t count = verification.files.size();
  JobResult result = make_result(ResultCode::ok, "");
  result.facts["files"] = Json::UInt64{count};
  result.facts["bytes"] = Json::Int64{verification.bytes};
  add_proof(result, spec, "", verification.microseconds);
  const std::string read = fmt::format("{} of archive {} ({} bytes) could be read from the repository",
                                       files_text(count), spec.archive, verification.bytes);
  if (count == 0) {
    warn(result, ResultCode::nothing_compared,
         fmt::format("archive {} has no file with content: nothing was proven", spec.archive));
    return result;
  }
  if (!verification.not_compared.empty()) {
    warn(result, ResultCode::not_compared,
         fmt::format("{}; the comparison with {} was not made: {}", read, spec.client,
                     verification.not_compared));
    return result;
  }
  const Tally tally = tally_of(verification, spec.client);
  result.facts["same"] = Json::UInt64{tally.same.size()};
  result.facts["changed"] = Json::UInt64{tally.changed.size()};
  result.facts["unreadable"] = Json::UInt64{tally.unreadable.size()};
  result.facts["different"] = Json::UInt64{tally.different.size()};
  if (!tally.different.empty()) {
    JobResult failure =
        make_result(ResultCode::different, fmt::format("{}: what archive {} holds is not what {} has",
                                                       named(tally.different), spec.archive, spec.client));
    failure.facts = result.facts;
    for (const auto& path : tally.different) failure.warnings.push_back(path + " differs");
    return failure;
  }
  if (!tally.same.empty()) result.facts["proven"] = "compared";
  result.message = fmt::format("{}: {} the same as on {}, {} changed since", read, tally.same.size(),
                               spec.client, tally.changed.size());
  if (tally.same.empty()) {
    warn(result, ResultCode::nothing_compared,
         fmt::format("{}, but nothing could be compared: all of them have changed on {} since", read,
                     spec.client));
  }
  for (const auto& canary : tally.canaries) warn(result, ResultCode::canary_changed, canary);
  if (!tally.unreadable.empty()) {
    warn(result, ResultCode::unreadable,
         fmt::format("{} could not be read on {}", named(tally.unreadable), spec.client));
  }
  return result;
}

}  // namespace cyborg
