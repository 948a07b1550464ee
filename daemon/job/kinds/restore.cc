// SPDX-License-Identifier: GPL-3.0-or-later
// Kind restore: files, by borg extract on the client.
#include "job/kinds/restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <filesystem>

#include "borg/result.h"
#include "job/borg/archive_listing.h"
#include "job/borg/repository_borg.h"
#include "job/borg/survey.h"
#include "remote/restore_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

BorgEnd extract_here(JobContext& job, const RepositoryBorg& repository, bool exclude) {
  const JobSpec& spec = job.spec();
  const mode_t mask = ::umask(022);  // the directory belongs to the machine's users
  std::error_code error;
  std::filesystem::create_directories(spec.restore.directory, error);
  LocalBorg borg;
  const std::string excludes = exclude ? local_exclude_file(spec, restore_borg_directory()) : std::string{};
  borg.command = borg_extract(spec, repository.url(), excludes);
  borg.base_dir = restore_borg_directory();
  borg.directory = spec.restore.directory;
  if (error) {
    throw Failure(ResultCode::no_directory, fmt::format("{} cannot be made on {}: {}", spec.restore.directory,
                                                        spec.client, error.message()));
  }
  BorgEnd end = repository.run(borg);
  ::umask(mask);
  if (exclude) std::filesystem::remove(excludes, error);
  return end;
}

BorgEnd extract_there(JobContext& job, ClientShell& client, const RepositoryBorg& repository, bool exclude) {
  const std::string relay = random_relay();
  const RemoteBorg borg{restore_script(job.spec(), relay, exclude), job.passphrase() + "\n", relay,
                        repository.serve()};
  BorgEnd end = run_remote(job, client.session(), job.spec().target.user, borg);
  if (!job.canceled()) check_script(end, job.spec(), job.spec().target.user);
  return end;
}

std::string target(const JobSpec& spec) {
  return fmt::format("{}:{}", spec.client, spec.restore.directory);
}

std::string existing(const JobSpec& spec, const Survey& survey) {
  if (survey.existing == 0) return fmt::format("nothing of it is on {} already", spec.client);
  return fmt::format("{} of them {} on {} already, the first: {}", survey.existing,
                     survey.existing == 1 ? "is" : "are", spec.client, survey.existing_names.front());
}

JobResult dry_run(JobContext& job, ClientShell& client) {
  const JobSpec& spec = job.spec();
  const Survey found = survey(job, client);
  JobResult result =
      make_result(ResultCode::ok,
                  fmt::format("{} files and {} folders, {} bytes, would be written to {}; {}", found.files,
                              found.directories, found.bytes, target(spec), existing(spec, found)));
  found.add_facts(result);
  return result;
}

// Handles existing files before anything is written. Returns the text to report about them.
std::string resolve_conflicts(JobContext& job, ClientShell& client, const Survey& found) {
  const JobSpec& spec = job.spec();
  if (spec.restore.conflict == "fail" && found.existing > 0) {
    throw Failure(ResultCode::conflict,
                  fmt::format("nothing was written: {} of {} files {} on {} already, the first: {}",
                              found.existing, found.files, found.existing == 1 ? "is" : "are", spec.client,
                              found.existing_names.front()));
  }
  if (spec.restore.conflict == "rename" && found.existing > 0) {
    client.run(rename_script(spec), found.in_the_way.get(), [](std::string_view) {});
    return fmt::format("; {} that {} there: the name now ends with {}", found.existing,
                       found.existing == 1 ? "was" : "were", rename_suffix(spec));
  }
  if (spec.restore.conflict == "keep") {
    client.run(upload_script(spec), found.excludes.get(), [](std::string_view) {});
    return fmt::format("; {} that {} there stayed as {}", found.existing,
                       found.existing == 1 ? "was" : "were", found.existing == 1 ? "it was" : "they were");
  }
  return {};
}

bool is_empty(JobContext& job, ClientShell& client) {
  bool empty = true;
  client.run(content_script(job.spec().restore.directory), make_scratch_file(job).get(),
             [&](std::string_view name) { empty = empty && name.empty(); });
  return empty;
}

// A user who may write to one of the directories that lead to a file could make the restore, which runs as
// root, write to the target of a symbolic link. Changes after this check are not noticed.
void refuse_links(JobContext& job, ClientShell& client, int parents) {
  std::string links;
  client.run(links_script(job.spec().restore.directory), parents,
             [&](std::string_view piece) { links += piece; });
  if (!links.empty()) {
    const std::string first = links.substr(0, links.find('\0'));
    throw Failure(
        ResultCode::path_is_link,
        fmt::format("nothing was restored: {} in {} is a symbolic link of somebody else than root, and what "
                    "is to be restored would be written where it leads: remove it, or restore to a "
                    "folder that is empty",
                    to_valid_utf8(first), target(job.spec())));
  }
  client.run(make_parents_script(job.spec().restore.directory), parents, [](std::string_view) {});
}

JobResult extract(JobContext& job, ClientShell& client, bool exclude) {
  const JobSpec& spec = job.spec();
  const RepositoryBorg repository{job, RepositoryBorg::Where::client};
  const BorgEnd end =
      spec.local ? extract_here(job, repository, exclude) : extract_there(job, client, repository, exclude);
  JobResult result = repository.judge(BorgVerb::extract, end);
  if (result.code == ResultCode::path_not_in_archive) {
    Selection selection{spec.restore.paths};
    list_archive(job, [&](ArchiveItem& item) { selection.holds(item); });
    if (selection.missing()) {
      result.message = missing_message(spec, *selection.missing(), selection.near_missing());
    } else if (exclude && end.log.warning_count() == end.log.unmatched().size()) {
      // All files of a path exist already, and were left out.
      result = make_result(ResultCode::ok, "");
    } else {
      result.code = ResultCode::not_restored;
      result.message = fmt::format("not all was restored: {}", fmt::join(result.warnings, "; "));
    }
  }
  return result;
}

}  // namespace

JobResult restore(JobContext& job) {
  const JobSpec& spec = job.spec();
  if (spec.restore.output) return restore_output(job);
  if (loads_databases(spec)) return restore_databases(job);
  if (!spec.restore.guest.empty()) return restore_guest(job);
  if (!spec.restore.directory.starts_with('/')) {
    throw Failure(ResultCode::environment,
                  fmt::format("the directory \"{}\" is not absolute", spec.restore.directory));
  }
  job.output().line(6, fmt::format("restore of archive {} from {} to {}", spec.archive, repository_name(spec),
                                   target(spec)));
  ClientShell client{job};
  if (spec.dry_run) return dry_run(job, client);
  std::string resolved;
  Survey found;
  const bool careful = spec.restore.conflict != "overwrite";
  if (careful) {
    found = survey(job, client);
    const bool somewhere = !is_empty(job, client);
    if (somewhere) refuse_links(job, client, found.parents.get());
    resolved = resolve_conflicts(job, client, found);
  } else if (!is_empty(job, client)) {
    refuse_links(job, client, list_parents(job).get());
  }
  const bool keep = spec.restore.conflict == "keep";
  JobResult result = make_result(ResultCode::ok, "");
  if (keep && !found.nothing_left) {
    job.restrict_paths(found.paths);  // borg would report paths of which nothing is left to restore
  }
  if (!keep || !found.nothing_left) result = extract(job, client, keep);
  if (result.state == JobState::successful) {
    result.message = fmt::format("archive {} was restored to {}{}", spec.archive, target(spec), resolved);
  } else if (spec.restore.conflict == "rename") {
    result.message += resolved;  // the files were renamed, whatever the result
  }
  if (careful) found.add_facts(result);
  return result;
}

}  // namespace cyborg
