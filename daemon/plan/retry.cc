// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/retry.h"

#include <fmt/format.h>

#include <algorithm>

namespace cyborg {
namespace {

std::int64_t number(const Job& job, const char* key) {
  return job.details[key].isInt64() ? job.details[key].asInt64() : 0;
}

}  // namespace

bool is_transient(const JobResult& result) {
  return is_bad(result.state) && result.code.traits().passes;
}

std::int64_t attempt_of(const Job& job) {
  return number(job, "attempt");
}
Microseconds not_before(const Job& job) {
  return number(job, "not_before");
}

std::optional<Retry> retry_of(const Job& job, const JobResult& result, const RetryPolicy& limits,
                              Microseconds now) {
  const std::int64_t attempt = attempt_of(job) + 1;
  const bool asked = traits_of(job.kind).tried_again && job.details["retry"].asBool();
  if (!asked || !is_transient(result) || attempt >= limits.attempts) return std::nullopt;
  auto delay = limits.delay;
  for (std::int64_t i = 1; i < attempt && delay < limits.longest; ++i) delay *= 2;
  delay = std::min(delay, limits.longest);
  Retry retry;
  retry.at = now + std::chrono::microseconds{delay}.count();
  retry.details = job.details;
  retry.details["attempt"] = Json::Int64{attempt};
  retry.details["not_before"] = Json::Int64{retry.at};
  retry.reason = fmt::format("attempt {} of {} failed, the next is in {} s: {}", attempt, limits.attempts,
                             delay.count(), result.message);
  return retry;
}

}  // namespace cyborg
