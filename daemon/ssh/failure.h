// SPDX-License-Identifier: GPL-3.0-or-later
// The reason why a job cannot continue: thrown where it is noticed, caught once in the job's main, and
// written as the job's result. A job is a sequence of steps, any of which may end it.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "core/result_code.h"

namespace cyborg {

class Failure : public std::runtime_error {
 public:
  // In the code's usual state, or in another one that its row permits.
  Failure(const AnyCode& code, const std::string& message) : Failure(code, message, code.state()) {}
  Failure(AnyCode code, const std::string& message, JobState state)
      : std::runtime_error(message), code_(std::move(code)), state_(state) {}
  const AnyCode& code() const { return code_; }
  JobState state() const { return state_; }

 private:
  AnyCode code_;
  JobState state_;
};

}  // namespace cyborg
