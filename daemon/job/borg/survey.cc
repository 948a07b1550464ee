// SPDX-License-Identifier: GPL-3.0-or-later
#include "job/borg/survey.h"

#include <fmt/format.h>

#include <cstring>

#include "job/borg/archive_listing.h"
#include "remote/restore_script.h"
#include "ssh/failure.h"

namespace cyborg {
namespace {

constexpr std::size_t kNames = 5;
constexpr std::size_t kBuffer = 1 << 16;

// Writes in large blocks.
class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}
  void add(std::string_view text, char end) {
    buffer_ += text;
    buffer_ += end;
    if (buffer_.size() >= kBuffer) flush();
  }
  void flush() {
    if (!write_all(fd_, buffer_)) {
      throw Failure(ResultCode::state_directory,
                    fmt::format("a list cannot be written: {}", std::strerror(errno)));
    }
    buffer_.clear();
  }

 private:
  int fd_;
  std::string buffer_;
};

bool belongs(std::string_view path, const std::string& to) {
  return path.starts_with(to) && (path.size() == to.size() || path[to.size()] == '/');
}

// Parses the output of look_script().
class Found {
 public:
  Found(Survey& survey, const Selection& selection)
      : survey_(survey),
        in_the_way_(survey.in_the_way.get()),
        excludes_(survey.excludes.get()),
        counts_(selection.paths().size()),
        selection_(selection) {}

  void feed(std::string_view data) {
    text_ += data;
    std::size_t begin = 0;
    for (std::size_t nul = 0; (nul = text_.find('\0', begin)) != std::string::npos; begin = nul + 1) {
      take(std::string_view{text_}.substr(begin, nul - begin));
    }
    text_.erase(0, begin);
  }
  void finish() {
    in_the_way_.flush();
    excludes_.flush();
  }
  // The number of files for each path.
  const std::vector<std::int64_t>& counts() const { return counts_; }
  std::int64_t total() const { return total_; }

 private:
  void take(std::string_view entry) {
    constexpr std::string_view kHere = "./";
    if (entry.size() < 1 + kHere.size()) return;
    const std::string_view name = entry.substr(1);
    const std::string_view inside = name.substr(kHere.size());
    const char mark = entry.front();
    const bool by_pattern = mark == 'D' || mark == '+';
    // The pattern matches too much.
    if (by_pattern && !has_question_mark(inside)) return;
    excludes_.add(exclude_line(inside), '\n');
    if (!by_pattern) count(inside);
    if (mark == 'd' || mark == 'D') return;
    in_the_way_.add(name, '\0');
    ++survey_.existing;
    if (survey_.existing_names.size() < kNames) {
      survey_.existing_names.push_back(to_valid_utf8(fmt::format("/{}", inside)));
    }
  }

  // A match by pattern may be a different file than the one sought: those are counted again each time.
  void count(std::string_view inside) {
    ++total_;
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += belongs(inside, selection_.paths()[i]);
  }

  Survey& survey_;
  Writer in_the_way_, excludes_;
  std::vector<std::int64_t> counts_;
  std::int64_t total_ = 0;
  const Selection& selection_;
  std::string text_;
};

}  // namespace

void Survey::add_facts(JobResult& result) const {
  result.facts["files"] = Json::Int64{files};
  result.facts["bytes"] = Json::Int64{bytes};
  result.facts["existing"] = Json::Int64{existing};
  result.facts["existing_names"] = Json::Value{Json::arrayValue};
  for (const auto& name : existing_names) result.facts["existing_names"].append(name);
}

Survey survey(JobContext& job, ClientShell& client) {
  Survey found;
  found.in_the_way = make_scratch_file(job);
  found.excludes = make_scratch_file(job);
  found.parents = make_scratch_file(job);
  const Fd listing = make_scratch_file(job);
  Selection selection{job.spec().restore.paths};
  std::vector<std::int64_t> wanted(selection.paths().size());
  Writer entries{listing.get()}, parents{found.parents.get()};
  ParentDirectories directories{job.spec().restore.conflict == "keep"};
  const auto add_parent = [&](const ArchiveItem& item) { parents.add(look_entry(item), '\0'); };
  list_archive(job, [&](ArchiveItem& item) {
    if (!selection.holds(item)) return;
    entries.add(look_entry(item), '\0');
    directories.note(item, add_parent);
    (item.type == 'd' ? found.directories : found.files) += 1;
    found.bytes += item.size;
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] += belongs(item.path, selection.paths()[i]);
  });
  entries.flush();
  parents.flush();
  if (selection.missing()) throw_missing(job, selection);

  Found there{found, selection};
  client.run(look_script(job.spec().restore.directory), listing.get(),
             [&](auto piece) { there.feed(piece); });
  there.finish();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (there.counts()[i] < wanted[i]) found.paths.push_back(selection.paths()[i]);
  }
  found.nothing_left =
      selection.all() ? there.total() >= found.files + found.directories : found.paths.empty();
  return found;
}

Fd list_parents(JobContext& job) {
  Fd file = make_scratch_file(job);
  Selection selection{job.spec().restore.paths};
  Writer entries{file.get()};
  ParentDirectories directories{false};
  list_archive(job, [&](ArchiveItem& item) {
    if (!selection.holds(item)) return;
    directories.note(item, [&](const ArchiveItem& parent) { entries.add(look_entry(parent), '\0'); });
  });
  entries.flush();
  if (selection.missing()) throw_missing(job, selection);
  return file;
}

}  // namespace cyborg
