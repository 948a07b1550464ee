// SPDX-License-Identifier: GPL-3.0-or-later
// Restores to the caller: borg runs on the server, and its output goes to the caller's descriptor, which
// systemd passed to this process as standard input.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "borg/result.h"
#include "job/borg/archive_listing.h"
#include "job/borg/repository_borg.h"
#include "job/kinds/restore.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr int kCaller = 0;

// Remembers why the caller's descriptor failed.
class CallerSink : public ssh::Sink {
 public:
  struct Count {
    std::int64_t bytes = 0;
    int error = 0;
  };
  explicit CallerSink(Count& count) : count_(count) {}

  ssize_t write(std::string_view data) override {
    const ssize_t n = ::write(kCaller, data.data(), data.size());
    if (n >= 0) {
      count_.bytes += n;
      return n;
    }
    if (errno == EAGAIN || errno == EINTR) return 0;
    count_.error = errno;
    return -1;
  }
  void finish() override {}
  int poll_fd() const override { return kCaller; }

 private:
  Count& count_;
};

void check_caller() {
  struct stat status{};
  if (::fstat(kCaller, &status) != 0 || !(S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode))) {
    throw Failure(ResultCode::environment, "there is no descriptor to restore to");
  }
  if (S_ISFIFO(status.st_mode)) set_non_blocking(kCaller);
}

// The requested file, if it is a single one: for a hard link, the first name, since only that has the
// content.
struct Wanted {
  bool tar = true;
  std::string path;
  std::int64_t size = -1;  // in the archive; -1: unknown
  std::int64_t bytes = 0;  // of all files
};

Wanted look(JobContext& job) {
  const JobSpec& spec = job.spec();
  Wanted wanted;
  Selection selection{spec.restore.paths};
  const bool one = !spec.restore.tar && selection.paths().size() == 1;
  list_archive(job, [&](ArchiveItem& item) {
    if (!selection.holds(item)) return;
    wanted.bytes += item.size;
    if (!one || item.path != selection.paths().front() || item.type != '-') return;
    wanted.tar = false;
    const bool link = !item.source.empty();
    wanted.path = link ? item.source : item.path;
    if (!link) wanted.size = item.size;
  });
  if (selection.missing()) throw_missing(job, selection);
  return wanted;
}

BorgEnd run(JobContext& job, const Wanted& wanted, const RepositoryBorg& repository,
            CallerSink::Count& count) {
  const JobSpec& spec = job.spec();
  LocalBorg borg;
  borg.command = wanted.tar ? borg_export_tar(spec, repository.url())
                            : borg_extract_file(spec, repository.url(), wanted.path);
  borg.base_dir = restore_borg_directory();
  borg.sink = [&count] { return std::make_unique<CallerSink>(count); };
  borg.give_up = [&count] { return count.error != 0; };
  return repository.run(borg);
}

void check_count(const CallerSink::Count& count, const Wanted& wanted) {
  if (count.error == EPIPE) {
    throw Failure(ResultCode::reader_gone,
                  fmt::format("whoever reads went away after {} bytes, before the end", count.bytes));
  }
  if (count.error != 0) {
    throw Failure(ResultCode::output_failed, fmt::format("the output failed after {} bytes: {}", count.bytes,
                                                         std::strerror(count.error)));
  }
  if (wanted.size >= 0 && count.bytes != wanted.size) {
    throw Failure(ResultCode::output_failed,
                  fmt::format("borg printed {} bytes of a file that has {}", count.bytes, wanted.size));
  }
}

}  // namespace

JobResult restore_output(JobContext& job) {
  const JobSpec& spec = job.spec();
  check_caller();
  job.output().line(
      6, fmt::format("restore of archive {} from {} to the caller", spec.archive, repository_name(spec)));
  const Wanted wanted = look(job);
  const RepositoryBorg repository{job, RepositoryBorg::Where::server};
  CallerSink::Count count;
  JobResult result = repository.judge(BorgVerb::extract, run(job, wanted, repository, count));
  job.throw_if_canceled();
  if (count.error != 0 || result.state == JobState::successful) check_count(count, wanted);
  // An incomplete file is a failure.
  if (result.state == JobState::warning) result.state = JobState::failed;
  if (result.state == JobState::successful) {
    result.message = fmt::format("{} bytes of archive {} were written{}", count.bytes, spec.archive,
                                 wanted.tar ? " as a tar stream" : "");
  }
  result.facts["bytes"] = Json::Int64{count.bytes};
  return result;
}

}  // namespace cyborg
