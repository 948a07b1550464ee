// Trying again: a job of a scheduled run that failed for a cause that may pass goes back into the queue for
// a while, without holding anything. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

struct RetryPolicy {
  std::int64_t attempts = 5;       // in all
  std::chrono::seconds delay{60};  // before the second; it doubles each time
  std::chrono::seconds longest{1800};
};

// A job whose details have "retry": true. They also hold what was tried: "attempt" and "not_before".
struct Retry {
  Json::Value details;
  std::string reason;
  Microseconds at = 0;
};

// Nobody answered, or the line broke, or another borg held the lock.
bool is_transient(const JobResult& result);

// When and with which details the job is to be tried again; nothing if this result is its end.
std::optional<Retry> retry_of(const Job& job, const JobResult& result, const RetryPolicy& limits,
                              Microseconds now);

// 0 for a job that was not tried before.
std::int64_t attempt_of(const Job& job);
Microseconds not_before(const Job& job);

}  // namespace cyborg
