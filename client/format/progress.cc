// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "client/format/text.h"
#include "core/job_state.h"

namespace cyborg::client {
namespace {

constexpr double kSmoothingSeconds = 3;
constexpr std::size_t kShortestPath = 8;

bool is_active(const ProgressJob& job) {
  JobState state{};
  return parse(job.state, state) && is_live(state);
}

}  // namespace

void RateMeter::add(std::uint64_t bytes, std::uint64_t now) {
  if (time_ != 0 && now > time_ && bytes >= bytes_) {
    const double seconds = static_cast<double>(now - time_) / 1e6;
    const double current = static_cast<double>(bytes - bytes_) / seconds;
    rate_ += (current - rate_) * (1 - std::exp(-seconds / kSmoothingSeconds));
  }
  bytes_ = bytes;
  time_ = now;
}

std::string progress_line(const std::vector<ProgressJob>& jobs, std::size_t total, std::size_t width) {
  const auto running = std::ranges::count_if(jobs, is_active);
  std::string line;
  if (total > 1) line = fmt::format("[{}/{} ended, {} running] ", total - jobs.size(), total, running);
  const auto shown = std::ranges::find_if(jobs, is_active);
  if (shown == jobs.end()) {
    if (!jobs.empty()) line += fmt::format("{}: {}", jobs.front().title, jobs.front().state);
    return ellipsize(line, width);
  }
  line += shown->title;
  if (shown->files == 0 && shown->bytes == 0) return ellipsize(line + ": " + shown->state, width);
  line +=
      fmt::format(": {} files  {}  {}/s", shown->files, human_size(shown->bytes), human_size(shown->rate));
  const auto used = display_width(line) + 2;
  if (!shown->path.empty() && used + kShortestPath <= width)
    line += "  " + ellipsize_front(printable(shown->path), width - used);
  return ellipsize(line, width);
}

void Screen::clear() {
  if (line_.empty()) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  line_.clear();
}

void Screen::show(const std::string& line) {
  if (!live_ || line == line_) return;
  std::fflush(stdout);
  fmt::print(stderr, "\r{}\x1b[K", line);
  std::fflush(stderr);
  line_ = line;
}

void Screen::print(const std::string& text) {
  const auto line = line_;
  clear();
  std::fwrite(text.data(), 1, text.size(), stdout);
  // A reader of a pipe wants each line immediately, too.
  std::fflush(stdout);
  show(line);
}

void Screen::note(const std::string& text) {
  const auto line = line_;
  clear();
  fmt::print(stderr, "cyborgctl: {}\n", text);
  show(line);
}

std::size_t Screen::width() const {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
  return static_cast<std::size_t>(size.ws_col) -
         1;  // a character in the last column would wrap on some terminals
}

}  // namespace cyborg::client
