// SPDX-License-Identifier: GPL-3.0-or-later
// The progress line at the bottom of a terminal.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

namespace cyborg::client {

// Bytes per second, smoothed over some seconds.
class RateMeter {
 public:
  void add(std::uint64_t bytes, std::uint64_t now);  // the total so far, and the time in microseconds
  std::uint64_t rate() const { return static_cast<std::uint64_t>(rate_); }

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t time_ = 0;
  double rate_ = 0;
};

struct ProgressJob {
  std::string title;  // the client of the job
  std::string state;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t rate = 0;
  std::string path;
};

// The line for the jobs that have not ended, of `total`. Exactly one line of at most `width` columns.
std::string progress_line(const std::vector<ProgressJob>& jobs, std::size_t total, std::size_t width);

// Standard output with a progress line below it on standard error, which is always redrawn last.
class Screen {
 public:
  explicit Screen(bool live) : live_(live) {}
  ~Screen() { clear(); }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  void print(const std::string& text);  // prints whole lines to standard output
  void note(const std::string& text);   // a whole line, to standard error
  void show(const std::string& line);   // nothing unless live
  void clear();
  bool live() const { return live_; }
  std::size_t width() const;

 private:
  bool live_;
  std::string line_;
};

}  // namespace cyborg::client
