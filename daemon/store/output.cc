// SPDX-License-Identifier: GPL-3.0-or-later
// The output of jobs. The file is a stream of lines, cut into parts at line ends; the concatenated parts are
// exactly the file, so the stored length says where to continue after any interruption.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/fd.h"
#include "store/operations.h"

namespace cyborg::store {
namespace {

constexpr std::size_t kPart = 256 * 1024;
constexpr int kPartsInTransaction = 16;
constexpr std::size_t kLongestAnswer = 4 * 1024 * 1024;

struct Stored {
  std::int64_t parts = 0;
  std::int64_t bytes = 0;
  std::int64_t lines = 0;
  std::optional<std::int64_t> complete;  // the job's output_lines
};

Expected<Stored> stored(Connection& db, std::int64_t job) {
  auto result = db.run(
      "select (select coalesce(max(part) + 1, 0) from job_output where job = $1),"
      " (select coalesce(sum(octet_length(body)), 0) from job_output where job = $1),"
      " (select coalesce(sum(line_count), 0) from job_output where job = $1),"
      " output_lines from job where id = $1",
      Params{job});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", job));
  Stored now;
  result->row(0).read(now.parts, now.bytes, now.lines, now.complete);
  return now;
}

class File {
 public:
  explicit File(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    error_ = fd_ ? 0 : errno;
  }

  // Reads the next part from that offset: up to kPart bytes, cut at the last line end. A longer line
  // continues in the next part. Empty: there is no more, or only an incomplete line, which is taken if
  // `complete`.
  Expected<std::string> part(std::int64_t offset, bool complete) {
    if (error_ == ENOENT) return std::string{};
    std::string bytes(kPart, '\0');
    std::size_t size = 0;
    while (error_ == 0 && size < kPart) {
      const ssize_t got =
          pread(fd_.get(), bytes.data() + size, kPart - size, offset + static_cast<off_t>(size));
      if (got == 0) break;
      if (got > 0) size += static_cast<std::size_t>(got);
      if (got < 0 && errno != EINTR) error_ = errno;
    }
    if (error_ != 0) {
      return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", path_, std::strerror(error_)));
    }
    const bool at_end = size < kPart;
    bytes.resize(size);
    const auto line_end = bytes.rfind('\n');
    if (line_end != std::string::npos) {
      bytes.resize(line_end + 1);
    } else if (at_end) {
      bytes = complete && size > 0 ? bytes + '\n' : std::string{};
    }
    return bytes;
  }

 private:
  std::string path_;
  Fd fd_;
  int error_ = 0;
};

Expected<void> insert_part(Connection& db, std::int64_t job, Stored& now, std::string body) {
  const std::int64_t lines = std::ranges::count(body, '\n');
  const std::int64_t bytes = static_cast<std::int64_t>(body.size());
  auto inserted = db.run(
      "insert into job_output (job, part, first_line, line_count, body) values ($1, $2, $3, $4, $5)"
      " on conflict do nothing",
      Params{job, now.parts, now.lines, lines, Bytes{std::move(body)}});
  if (!inserted) return std::unexpected(inserted.error());
  ++now.parts;
  now.lines += lines;
  now.bytes += bytes;
  return {};
}

// Inserts some parts in one transaction; returns whether there is more.
Expected<bool> insert_some(Connection& db, std::int64_t job, Stored& now, File& file, bool complete) {
  return db.transact<bool>([&]() -> Expected<bool> {
    // Read again in each attempt: a repeated transaction must not count twice.
    auto before = stored(db, job);
    if (!before) return std::unexpected(before.error());
    now = *before;
    if (now.complete) return false;
    for (int i = 0; i < kPartsInTransaction; ++i) {
      auto part = file.part(now.bytes, complete);
      if (!part) return std::unexpected(part.error());
      if (!part->empty()) {
        if (auto inserted = insert_part(db, job, now, std::move(*part)); !inserted) {
          return std::unexpected(inserted.error());
        }
        continue;
      }
      if (complete) {
        auto noted = db.run("update job set output_lines = $2 where id = $1", Params{job, now.lines});
        if (!noted) return std::unexpected(noted.error());
      }
      return false;
    }
    return true;
  });
}

// "<priority> <microseconds> <text>". A line that was cut off when its writer died is taken as text.
OutputLine parse_line(std::string_view line) {
  OutputLine parsed;
  const char* end = line.data() + line.size();
  const auto [after_priority, bad_priority] = std::from_chars(line.data(), end, parsed.priority);
  if (bad_priority == std::errc{} && after_priority != end && *after_priority == ' ') {
    const auto [after_time, bad_time] = std::from_chars(after_priority + 1, end, parsed.time);
    if (bad_time == std::errc{} && after_time != end && *after_time == ' ') {
      parsed.text.assign(after_time + 1, end);
      return parsed;
    }
  }
  return {0, 6, std::string{line}};
}

struct Part {
  std::int64_t number = 0;
  std::int64_t first_line = 0;
  std::string body;
};

// The part with that number, or without a number the part in which the line begins: a part that ends just
// before the line may contain its beginning, if the line is longer than a part.
Expected<std::optional<Part>> read_part(Connection& db, std::int64_t job, std::optional<std::int64_t> number,
                                        std::int64_t line) {
  auto result = number ? db.run("select part, first_line, body from job_output where job = $1 and part = $2",
                                Params{job, *number})
                       : db.run(
                             "select part, first_line, body from job_output where job = $1"
                             " and first_line + line_count >= $2 order by part limit 1",
                             Params{job, line});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return std::nullopt;
  Part part;
  Bytes body;
  result->row(0).read(part.number, part.first_line, body);
  part.body = std::move(body.data);
  return part;
}

}  // namespace

Expected<std::int64_t> append_output(Connection& db, std::int64_t job, const std::string& path, bool complete,
                                     const std::atomic<bool>& stopping) {
  File file{path};
  Stored now;
  for (;;) {
    auto more = insert_some(db, job, now, file, complete);
    if (!more) return std::unexpected(more.error());
    if (!*more) return now.complete.value_or(now.lines);
    if (stopping) return fail(ErrorCode::unavailable, "cyborgd is stopping");
  }
}

Expected<OutputPage> read_output(Connection& db, std::int64_t job, std::int64_t first_line,
                                 std::uint32_t limit) {
  // Before anything else, so that "complete" cannot become true after the lines were read.
  auto state = stored(db, job);
  if (!state) return std::unexpected(state.error());
  OutputPage page;
  std::size_t bytes = 0;
  std::string line;
  std::int64_t number = 0;
  auto part = read_part(db, job, std::nullopt, first_line);
  if (part && *part) number = (*part)->first_line;
  while (part && *part && page.lines.size() < limit && bytes < kLongestAnswer) {
    std::string_view rest = (*part)->body;
    while (!rest.empty() && page.lines.size() < limit) {
      const auto end = rest.find('\n');
      line += rest.substr(0, end);
      if (end == std::string_view::npos) break;
      if (number++ >= first_line) {
        bytes += line.size();
        page.lines.push_back(parse_line(line));
      }
      line.clear();
      rest.remove_prefix(end + 1);
    }
    part = read_part(db, job, (*part)->number + 1, 0);
  }
  if (!part) return std::unexpected(part.error());
  const auto next = first_line + static_cast<std::int64_t>(page.lines.size());
  page.complete = state->complete && next >= *state->complete;
  return page;
}

}  // namespace cyborg::store
