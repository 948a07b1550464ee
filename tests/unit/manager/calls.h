// SPDX-License-Identifier: GPL-3.0-or-later
// Calls to the outside that wait for their answer, so that a test decides when and how each is answered.
#pragma once

#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg::test {

enum class Outcome {
  good,    // done, and said so
  away,    // not done: unavailable
  lost,    // done, but the answer is lost: unavailable
  broken,  // not done, for another reason
};

struct Call {
  std::string what;  // "finish_job 7 successful"
  std::function<void(Outcome)> answer;
};

class Calls {
 public:
  void add(std::string what, std::function<void(Outcome)> answer) {
    waiting_.push_back({std::move(what), std::move(answer)});
  }

  // Adds a call for which `work` computes the value when it is answered.
  template <typename T, typename Done, typename Work>
  void add(std::string what, Done done, Work work) {
    add(std::move(what), [done = std::move(done), work = std::move(work)](Outcome outcome) {
      if (outcome == Outcome::broken) return done(Expected<T>{fail(ErrorCode::failed, "broken")});
      if (outcome == Outcome::away) return done(Expected<T>{fail(ErrorCode::unavailable, "away")});
      Expected<T> value = work();
      if (outcome == Outcome::lost) value = fail(ErrorCode::unavailable, "the answer was lost");
      done(std::move(value));
    });
  }

  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }
  const Call& at(std::size_t index) const { return waiting_.at(index); }

  void answer(std::size_t index, Outcome outcome = Outcome::good) {
    const Call call = std::move(waiting_.at(index));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(index));
    call.answer(outcome);
  }
  // Answers the first call that begins like this.
  void answer(std::string_view beginning, Outcome outcome = Outcome::good) {
    for (std::size_t i = 0; i < waiting_.size(); ++i) {
      if (waiting_[i].what.starts_with(beginning)) return answer(i, outcome);
    }
    throw std::logic_error("nobody called " + std::string{beginning});
  }
  bool has(std::string_view beginning) const {
    for (const auto& call : waiting_) {
      if (call.what.starts_with(beginning)) return true;
    }
    return false;
  }

 private:
  std::deque<Call> waiting_;
};

}  // namespace cyborg::test
