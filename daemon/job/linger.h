// SPDX-License-Identifier: GPL-3.0-or-later
// How long to wait for the end of a process' output after its own end: its background processes may hold it
// open for ever.
#pragma once

#include <chrono>
#include <optional>

#include "job/output.h"

namespace cyborg {

// Enough for data in a local pipe, or for messages on which no result depends.
inline constexpr std::chrono::seconds kLinger{5};

class Linger {
 public:
  // Counted from its last output after its end.
  explicit Linger(std::chrono::seconds patience) : patience_(patience) {}

  void heard() { since_.reset(); }
  // Call it repeatedly, with whether the process has ended; it logs when it gives up.
  bool over(bool ended, Output& output) {
    const auto now = std::chrono::steady_clock::now();
    if (!ended) return false;
    if (!since_) since_ = now;
    if (!first_) first_ = now;
    if (now - *since_ < patience_ && now - *first_ < kLongest) return false;
    output.line(5, "it has ended, but left a process that holds its output open; not waiting for that");
    return true;
  }

 private:
  static constexpr std::chrono::seconds kLongest{120};

  std::chrono::seconds patience_;
  std::optional<std::chrono::steady_clock::time_point> since_;
  std::optional<std::chrono::steady_clock::time_point> first_;
};

}  // namespace cyborg
