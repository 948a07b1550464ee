// The reason why a job cannot continue: thrown where it is noticed, caught once in the job's main, and
// written as the job's result. A job is a sequence of steps, any of which may end it.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "core/model.h"

namespace cyborg {

class Failure : public std::runtime_error {
 public:
  Failure(std::string code, const std::string& message, JobState state = JobState::error)
      : std::runtime_error(message), code_(std::move(code)), state_(state) {}
  const std::string& code() const { return code_; }
  JobState state() const { return state_; }

 private:
  std::string code_;
  JobState state_;
};

}  // namespace cyborg
