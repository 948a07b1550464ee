// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the loop until an event has happened; a test waits for events, never for time to pass.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "sd/loop.h"

namespace cyborg::sd {

// Far longer than any success takes, so that a busy machine does not fail a test.
inline constexpr std::chrono::seconds kGiveUp{60};

// Runs the loop until the condition holds; it is checked after each event.
inline ::testing::AssertionResult run_until(Loop& loop, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kGiveUp;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return ::testing::AssertionFailure() << "nothing happened";
    const auto second =
        static_cast<std::uint64_t>(std::chrono::microseconds{std::chrono::seconds{1}}.count());
    if (sd_event_run(loop.handle(), second) < 0) return ::testing::AssertionFailure() << "the loop broke";
  }
  return ::testing::AssertionSuccess();
}

// The answer to an asynchronous call.
template <typename T>
class Answer {
 public:
  Done<T> done() {
    return [this](Expected<T> result) {
      ++times_;
      result_ = std::move(result);
    };
  }
  Expected<T> wait(Loop& loop) {
    EXPECT_TRUE(run_until(loop, [&] { return times_ > 0; }));
    EXPECT_EQ(times_, 1);
    return result_;
  }
  bool answered() const { return times_ > 0; }

 private:
  int times_ = 0;
  Expected<T> result_;
};

}  // namespace cyborg::sd
