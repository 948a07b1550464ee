// SPDX-License-Identifier: GPL-3.0-or-later
// Loading the dumps of an archive. Each is extracted to a file by borg, and loaded when borg has ended:
// whatever a dump does, it does to a server that nothing else uses.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/policy_types.h"
#include "job/database/database_server.h"
#include "job/kinds/verify.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

using Clock = std::chrono::steady_clock;

// Enough for the information at the beginning of a dump: for PostgreSQL, the beginning of its table of
// contents.
constexpr std::size_t kHead = 64 * 1024;

std::vector<DumpFile> list_dumps(const Verifier& verifier, PolicyType type) {
  std::vector<DumpFile> dumps;
  list_archive(verifier, [&](const ListedFile& file) {
    DumpFile dump = dump_file(type, file.path);
    dump.size = file.size;
    if (dump.kind != DumpFile::Kind::other) dumps.push_back(std::move(dump));
  });
  // Roles first: objects that they own can only be created afterwards.
  std::ranges::stable_sort(dumps, {},
                           [](const DumpFile& dump) { return dump.kind != DumpFile::Kind::globals; });
  return dumps;
}

void write_piece(int fd, std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(fd, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw Failure(ResultCode::disk_full,
                    fmt::format("a dump cannot be written to /var/tmp: {}", std::strerror(errno)));
    }
    piece.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Returns its beginning.
std::string extract(const Verifier& verifier, const DumpFile& dump, const std::string& path) {
  const Fd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file)
    throw Failure(ResultCode::resources, fmt::format("{} cannot be made: {}", path, std::strerror(errno)));
  std::string head;
  const std::vector<SampledFile> files{{dump.path, {}, dump.size, 0, false}};
  extract_contents(verifier, files, [&](std::size_t, std::string_view piece) {
    if (head.size() < kHead) head += piece.substr(0, kHead - head.size());
    write_piece(file.get(), piece);
  });
  return head;
}

struct Totals {
  std::size_t databases = 0;
  LoadedCount counted;
  std::vector<std::string> not_here;  // dumps that this machine cannot load, without being bad
};

// The text of a tool's first line that is an error.
std::string complaint(const ToolEnd& end) {
  for (const auto& line : end.said) {
    if (line.find("error:") != std::string::npos || line.find("ERROR") != std::string::npos) return line;
  }
  return end.said.empty() ? fmt::format("the tool ended with status {}", end.status) : end.said.front();
}

// The failure of the dump; empty if there is none, or if it cannot be determined here.
std::string load(const Verifier& verifier, PolicyType type, DatabaseServer& server, const DumpFile& dump,
                 const std::string& file, std::string_view head, Totals& totals) {
  JobContext& job = verifier.job;
  const std::string what = dump_part_name(type, dump.database);
  if (const std::string refusal = server.refusal(head); !refusal.empty()) {
    totals.not_here.push_back(fmt::format("{} cannot be verified here: {}", what, refusal));
    return {};
  }
  job.output().line(6, fmt::format("loading {}", what));
  const bool globals = dump.kind == DumpFile::Kind::globals;
  const ToolEnd end = globals ? server.load_globals(file) : server.load_database(dump, file, head);
  if (end.status != 0) {
    const std::string said = complaint(end);
    std::string reason = missing_here(fmt::format("{}", fmt::join(end.said, "\n")));
    if (reason.empty()) reason = server.excuse(head);
    if (reason.empty()) {
      return fmt::format("{} of archive {} could not be loaded into {}: {}", what, job.spec().archive,
                         server.name(), said);
    }
    totals.not_here.push_back(fmt::format("{} cannot be verified here: {} ({})", what, reason, said));
    return {};
  }
  if (globals) return {};
  const LoadedCount counted = server.count(dump);
  job.output().line(6, fmt::format("{}: {} tables, {} rows", what, counted.tables, counted.rows));
  ++totals.databases;
  totals.counted.tables += counted.tables;
  totals.counted.rows += counted.rows;
  return {};
}

// Extracts and loads each. A dump that fails is retried after the others, to which it may refer: then it must
// work.
void load_all(const Verifier& verifier, PolicyType type, DatabaseServer* server, const std::string& place,
              const std::vector<DumpFile>& dumps, Totals& totals) {
  const std::string file = place + "/dump";
  std::vector<DumpFile> again;
  std::string wrong;
  std::int64_t bytes = 0;
  for (const auto& dump : dumps) {
    const std::string head = extract(verifier, dump, file);
    const std::string failure =
        server ? load(verifier, type, *server, dump, file, head, totals) : std::string{};
    ::unlink(file.c_str());
    verifier.job.progress().set({static_cast<std::int64_t>(totals.databases), bytes += dump.size, dump.path});
    if (failure.empty()) continue;
    again.push_back(dump);
    wrong = failure;
  }
  if (again.empty()) return;
  if (again.size() == dumps.size() || !policy_type_row(type).dump->databases->refers_to_others)
    throw Failure(ResultCode::dump_broken, wrong);
  load_all(verifier, type, server, place, again, totals);
}

JobResult judge(const JobSpec& spec, const Totals& totals, const std::string& server,
                std::int64_t microseconds) {
  JobResult result = make_result(ResultCode::ok, "");
  result.facts["databases"] = Json::UInt64{totals.databases};
  result.facts["tables"] = Json::Int64{totals.counted.tables};
  result.facts["rows"] = Json::Int64{totals.counted.rows};
  const bool proven = totals.not_here.empty() && totals.databases > 0;
  add_proof(result, spec, proven ? "loaded" : "", microseconds);
  result.message =
      fmt::format("{} of archive {} loaded into {}: {} tables, {} rows",
                  totals.databases == 1 ? "1 database" : fmt::format("{} databases", totals.databases),
                  spec.archive, server, totals.counted.tables, totals.counted.rows);
  if (proven) return result;
  if (totals.not_here.empty()) {
    end_as(result, ResultCode::nothing_compared,
           fmt::format("archive {} has no dump of a database: nothing was proven", spec.archive));
  } else {
    end_as(result, ResultCode::not_verifiable, totals.not_here.front());
  }
  result.warnings = totals.not_here;
  return result;
}

}  // namespace

JobResult verify_databases(const Verifier& verifier, const TemporaryDirectory& directory) {
  JobContext& job = verifier.job;
  const JobSpec& spec = job.spec();
  const auto begin = Clock::now();
  const PolicyType type = *verified_type(spec);
  const std::vector<DumpFile> dumps = list_dumps(verifier, type);
  Totals totals;
  const std::string missing = DatabaseServer::missing(type);
  if (!missing.empty()) totals.not_here.push_back("the dumps cannot be verified here: " + missing);
  const std::string place = directory.make("server");
  const auto server = missing.empty() && !dumps.empty() ? DatabaseServer::start(job, type, place) : nullptr;
  load_all(verifier, type, server.get(), place, dumps, totals);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
  return judge(spec, totals, server ? server->name() : std::string{}, took);
}

}  // namespace cyborg
