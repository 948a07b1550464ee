// How long to wait for the end of what a process prints when it has ended itself: what it left in the
// background may hold its output for ever.
#pragma once

#include <chrono>
#include <optional>

#include "job/output.h"

namespace cyborg {

// Enough for what is in a pipe of this machine, or for words that nobody's result depends on.
inline constexpr std::chrono::seconds kLinger{5};

class Linger {
 public:
  // Since the last word of it, after its end.
  explicit Linger(std::chrono::seconds patience) : patience_(patience) {}

  void heard() { since_.reset(); }
  // To be asked again and again, with whether the process has ended; says so in the output.
  bool over(bool ended, Output& output) {
    const auto now = std::chrono::steady_clock::now();
    if (!ended) return false;
    if (!since_) since_ = now;
    if (!first_) first_ = now;
    if (now - *since_ < patience_ && now - *first_ < kLongest) return false;
    output.line(5, "it has ended, and left a process that holds its output: that is not waited for");
    return true;
  }

 private:
  static constexpr std::chrono::seconds kLongest{120};

  std::chrono::seconds patience_;
  std::optional<std::chrono::steady_clock::time_point> since_;
  std::optional<std::chrono::steady_clock::time_point> first_;
};

}  // namespace cyborg
