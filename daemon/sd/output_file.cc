// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/utf8.h"
#include "sd/files.h"

namespace cyborg::sd {
namespace {

constexpr std::uint64_t kStride = 4096;
constexpr std::size_t kMaxLine = 1 << 20;
constexpr std::size_t kMaxAnswer = 8 << 20;
constexpr std::size_t kChunk = 1 << 16;

// A window on the file, starting at the next line to read.
class Scanner {
 public:
  Scanner(int fd, off_t offset) : fd_(fd), offset_(offset) {}

  // Returns the next line without its newline, and its number of bytes in the file; false at the end.
  Expected<bool> next(bool ended, std::string_view& line, std::size_t& bytes) {
    std::size_t searched = 0;
    for (;;) {
      const std::string_view rest = std::string_view{buffer_}.substr(begin_);
      const auto newline = rest.substr(0, kMaxLine).find('\n', searched);
      if (newline != std::string_view::npos) return take(rest.substr(0, newline), newline + 1, line, bytes);
      if (rest.size() >= kMaxLine) return take(rest.substr(0, kMaxLine), kMaxLine, line, bytes);
      searched = rest.size();
      const auto more = fill();
      if (!more) return more;
      if (*more) continue;
      if (!ended || searched == 0) return false;
      return take(std::string_view{buffer_}.substr(begin_), searched, line, bytes);
    }
  }

 private:
  bool take(std::string_view text, std::size_t size, std::string_view& line, std::size_t& bytes) {
    line = text;
    bytes = size;
    begin_ += size;
    return true;
  }
  Expected<bool> fill() {
    buffer_.erase(0, begin_);
    offset_ += static_cast<off_t>(begin_);
    begin_ = 0;
    const std::size_t size = buffer_.size();
    buffer_.resize(size + kChunk);
    ssize_t got = 0;
    do {
      got = ::pread(fd_, buffer_.data() + size, kChunk, offset_ + static_cast<off_t>(size));
    } while (got < 0 && errno == EINTR);
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return fail_errno("output");
    return got > 0;
  }

  int fd_;
  off_t offset_;  // the buffer's offset in the file
  std::string buffer_;
  std::size_t begin_ = 0;
};

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data() + text.size() || *end != ' ' || number < Number{})
    return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

OutputLine parse_output_line(std::string_view line) {
  std::string_view rest = line;
  int priority = 0;
  Microseconds time = 0;
  OutputLine result;
  if (take_number(rest, priority) && priority <= 7 && take_number(rest, time)) {
    result.priority = static_cast<std::uint8_t>(priority);
    result.time = time;
    result.text = to_clean_utf8(rest);
  } else {
    result.text = to_clean_utf8(line);
  }
  return result;
}

Expected<std::vector<OutputLine>> OutputFile::read(int fd, std::uint64_t first, std::size_t limit,
                                                   bool ended) {
  Position position = nearest(first);
  Scanner scanner{fd, position.offset};
  std::vector<OutputLine> lines;
  std::size_t total = 0;
  while (lines.size() < limit && total < kMaxAnswer) {
    std::string_view line;
    std::size_t bytes = 0;
    const auto more = scanner.next(ended, line, bytes);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    if (position.line >= first) {
      lines.push_back(parse_output_line(line));
      total += bytes;
    }
    advance(position, bytes);
  }
  last_ = position;
  return lines;
}

OutputFile::Position OutputFile::nearest(std::uint64_t line) const {
  const std::uint64_t slot = std::min<std::uint64_t>(line / kStride, index_.size() - 1);
  const Position indexed{slot * kStride, index_[slot]};
  return last_.line <= line && last_.line > indexed.line ? last_ : indexed;
}

void OutputFile::advance(Position& position, std::size_t bytes) {
  position.offset += static_cast<off_t>(bytes);
  if (++position.line == index_.size() * kStride) index_.push_back(position.offset);
}

}  // namespace cyborg::sd
