// SPDX-License-Identifier: GPL-3.0-or-later
// Retries: a job of a scheduled run that failed for a transient reason goes back into the queue for a while,
// without holding any resource. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/job_spec.h"
#include "core/model.h"

namespace cyborg {

struct RetryPolicy {
  std::int64_t attempts = 5;       // in all
  std::chrono::seconds delay{60};  // before the second attempt; doubles each time
  std::chrono::seconds longest{1800};
};

// For jobs whose details have "retry": true. The details also record the state: "attempt" and "not_before".
struct Retry {
  Json::Value details;
  std::string reason;
  Microseconds at = 0;
};

// Nobody answered, the connection broke, or another borg held the lock.
bool is_transient(const JobResult& result);

// The time and details of the next attempt; nullopt if this result is final.
std::optional<Retry> retry_of(const Job& job, const JobResult& result, const RetryPolicy& limits,
                              Microseconds now);

// 0 if the job was not attempted before.
std::int64_t attempt_of(const Job& job);
Microseconds not_before(const Job& job);

}  // namespace cyborg
