// SPDX-License-Identifier: GPL-3.0-or-later
// Kind catalog: adds the listing of an archive to the catalog. borg list runs here, while changes are written
// to PostgreSQL in parallel.
#include <fmt/format.h>

#include "borg/command.h"
#include "borg/result.h"
#include "catalog/writer.h"
#include "job/borg/file_listing.h"
#include "job/borg/repository_borg.h"
#include "job/job.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::int64_t kProgressEvery = 1000;  // files

void require(const catalog::Writer& writer, const Expected<void>& done) {
  if (done) return;
  if (writer.over_budget()) {
    throw Failure(ResultCode::catalog_full,
                  fmt::format("{}: raise catalog_budget, or drop a client's with cyborgctl catalog drop",
                              done.error().message));
  }
  const bool away = done.error().code == ErrorCode::unavailable;
  throw Failure(away ? ResultCode::database_away : ResultCode::catalog_error, done.error().message,
                JobState::failed);
}

// The borg URL in the job is the one in the history; it identifies the archive's series.
catalog::Writer open_catalog(JobContext& job) {
  const JobSpec& spec = job.spec();
  auto writer = catalog::Writer::open({job.database(), spec.borg_url, spec.archive, spec.catalog_budget});
  if (!writer) throw Failure(ResultCode::database_away, writer.error().message);
  return *std::move(writer);
}

BorgEnd list(JobContext& job, catalog::Writer& writer, const RepositoryBorg& repository) {
  const JobSpec& spec = job.spec();
  FileListing listing{[&](const ListedFile& file) {
    require(writer, writer.add(file));
    if (writer.counts().files % kProgressEvery == 0) {
      job.progress().set({writer.counts().files, writer.counts().bytes, file.path});
    }
  }};
  LocalBorg borg;
  borg.command = borg_list_files(spec, repository.url());
  // Separate from those of other kinds: borg locks its cache.
  borg.base_dir = server_borg_directory() + "/catalog";
  borg.started = [&] { require(writer, writer.load()); };
  borg.on_output = [&](std::string_view piece) { listing.feed(piece); };
  BorgEnd end = repository.run(borg);
  if (end.status == 0) listing.finish();
  return end;
}

JobResult concluded(JobContext& job, JobResult result, catalog::Writer& writer) {
  job.throw_if_canceled();
  require(writer, writer.commit());
  const auto& counts = writer.counts();
  result.message =
      fmt::format("{} files of archive {} are in the catalog: {} new, {} changed, {} gone", counts.files,
                  job.spec().archive, counts.added, counts.changed, counts.vanished);
  result.facts["files"] = Json::Int64{counts.files};
  result.facts["added"] = Json::Int64{counts.added};
  result.facts["changed"] = Json::Int64{counts.changed};
  result.facts["vanished"] = Json::Int64{counts.vanished};
  return result;
}

}  // namespace

JobResult catalog_archive(JobContext& job) {
  const JobSpec& spec = job.spec();
  job.output().line(6, fmt::format("catalog of archive {} in {}", spec.archive, repository_name(spec)));
  auto writer = open_catalog(job);
  switch (writer.place()) {
    case catalog::Place::known:
      return make_result(ResultCode::ok, fmt::format("archive {} is in the catalog already", spec.archive));
    case catalog::Place::older:
      throw Failure(
          ResultCode::not_newest,
          fmt::format("archive {} is older than others that are in the catalog: cyborgctl catalog rebuild {}",
                      spec.archive, spec.client));
    case catalog::Place::unknown:
      throw Failure(ResultCode::archive_missing, fmt::format("the history has no archive {}", spec.archive));
    case catalog::Place::fresh:
      break;
  }
  const RepositoryBorg repository{job, RepositoryBorg::Where::server};
  JobResult result = repository.judge(BorgVerb::list, list(job, writer, repository));
  return is_good(result) ? concluded(job, std::move(result), writer) : result;
}

}  // namespace cyborg
