// SPDX-License-Identifier: GPL-3.0-or-later
// Kind backup: borg create on the client.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "borg/result.h"
#include "job/borg/repository_borg.h"
#include "job/job.h"
#include "remote/direct_access.h"
#include "remote/dump_script.h"
#include "remote/job_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

// Like the script of a remote backup.
std::vector<std::string> existing_roots(const JobSpec& spec) {
  std::vector<std::string> roots;
  for (const auto& root : spec.roots) {
    struct stat status{};
    const bool link = ::lstat(root.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
    const bool good =
        link || ::faccessat(AT_FDCWD, root.c_str(), spec.any_root ? F_OK : R_OK, AT_EACCESS) == 0;
    if (good) {
      roots.push_back(root);
    } else if (!spec.any_root) {
      throw Failure(ResultCode::source_missing,
                    fmt::format("{} does not exist on {}, or cannot be read", root, spec.client));
    }
  }
  if (roots.empty()) {
    throw Failure(ResultCode::source_missing, fmt::format("none of the folders exists on {}", spec.client));
  }
  return roots;
}

// The same script as on any client, with borg in it: signals end both.
BorgEnd dump_here(JobContext& job, const RepositoryBorg& repository) {
  const JobSpec& spec = job.spec();
  LocalBorg borg;
  borg.command = {"sh", "-c", dump_script(spec, "")};
  borg.base_dir = server_borg_directory();
  borg.second_line = dump_secret(spec, job.database_password()) + "\n";
  BorgEnd end = repository.run(borg);
  if (!job.canceled()) check_script(end, spec, "");
  return end;
}

// Like the script of a remote backup.
std::vector<std::string> root_links(const JobSpec& spec) {
  std::vector<std::string> warnings;
  std::error_code error;
  for (std::size_t i = 0; i < spec.roots.size(); ++i) {
    const std::filesystem::path root = spec.roots[i];
    if (!std::filesystem::is_symlink(root, error)) continue;
    auto target = std::filesystem::canonical(root, error);
    if (error) target = std::filesystem::read_symlink(root, error);
    if (const auto warning = root_link_warning(spec, i, target.native())) warnings.push_back(*warning);
  }
  return warnings;
}

BorgEnd create_here(JobContext& job, const RepositoryBorg& repository) {
  const JobSpec& spec = job.spec();
  if (spec.dump) return dump_here(job, repository);
  if (spec.snapshot) {
    throw Failure(ResultCode::snapshot_refused,
                  fmt::format("{} is the server itself, whose jobs may neither mount nor make snapshots: set "
                              "snapshot=none, or add the server as a client that is reached by ssh",
                              spec.client));
  }
  const auto roots = existing_roots(spec);
  LocalBorg borg;
  borg.command = borg_create(spec, repository.url());
  borg.command.insert(borg.command.end(), roots.begin(), roots.end());
  borg.base_dir = server_borg_directory();
  BorgEnd end = repository.run(borg);
  end.root_links = root_links(spec);
  return end;
}

// Without a serve, the client's borg connects to the repository host itself.
BorgEnd create_there(JobContext& job, Serve* serve) {
  ssh::Session session{job.spec().target, job.credentials()};
  job.throw_if_canceled();
  const std::string relay = serve ? random_relay() : std::string{};
  const JobSpec& spec = job.spec();
  const bool dumps{spec.dump};
  const std::string second_line = dumps ? dump_secret(spec, job.database_password()) + "\n" : std::string{};
  const RemoteBorg borg{dumps ? dump_script(spec, relay) : backup_script(spec, relay),
                        job.passphrase() + "\n" + second_line, relay, serve};
  BorgEnd end = run_remote(job, session, job.spec().target.user, borg);
  if (!job.canceled()) check_script(end, job.spec(), job.spec().target.user);
  return end;
}

void add_archive(JobResult& result, const BorgEnd& end, const JobSpec& spec) {
  if (!is_good(result)) return;
  const auto report = parse_create_report(end.output);
  if (!report) {
    return end_as(result, ResultCode::borg_error, "borg ended without a report of the archive");
  }
  if (!spec.borg_id.empty() && report->repository_id != spec.borg_id) {
    const JobResult swapped = repository_swapped(spec, report->repository_id);
    return end_as(result, swapped.code, swapped.message, swapped.state);
  }
  result.archive = report->archive;
  const bool reads_files = !spec.dump && !spec.any_root;
  if (reads_files && report->archive["nfiles"].asInt64() == 0 && result.state == JobState::successful) {
    return end_as(
        result, ResultCode::empty_archive,
        fmt::format("archive {} was created, but contains no files: are the folders empty or excluded?",
                    spec.archive));
  }
  if (report->repository_size > 0) result.facts["repository_size"] = Json::Int64{report->repository_size};
  if (result.state == JobState::successful) {
    result.message =
        fmt::format("archive {}: {} files, {} bytes, {} new in the repository", spec.archive,
                    report->archive["nfiles"].asInt64(), report->archive["original_size"].asInt64(),
                    report->archive["deduplicated_size"].asInt64());
  }
}

}  // namespace

JobResult backup(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(
      6, fmt::format("backup of {} to {}, archive {}", spec.client, repository_name(spec), spec.archive));
  const RepositoryBorg repository{job, RepositoryBorg::Where::client};
  const BorgEnd end = spec.local ? create_here(job, repository) : create_there(job, repository.serve());
  JobResult result = repository.judge(BorgVerb::create, end);
  if (!end.snapshot_left.empty() && result.state == JobState::successful) {
    end_as(result, ResultCode::snapshot_left, end.snapshot_left);
  }
  if (spec.direct.used) result = direct_failure(spec, end.ssh_said, std::move(result));
  add_archive(result, end, spec);
  return result;
}

}  // namespace cyborg
