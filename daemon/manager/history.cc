// SPDX-License-Identifier: GPL-3.0-or-later
// Deletes old history, if a setting says so.
#include <fmt/format.h>

#include <algorithm>

#include "manager/manager.h"

namespace cyborg {
namespace {

constexpr std::chrono::hours kDay{24};

constexpr Microseconds in_microseconds(std::chrono::seconds span) {
  return std::chrono::microseconds{span}.count();
}

}  // namespace

void Manager::tidy_history() {
  const auto keep = setting_span(state_.settings, "keep_history");
  const Microseconds now = out_.clock.now();
  if (keep.count() == 0 || now - history_tidied_ < in_microseconds(kDay)) return;
  history_tidied_ = now;
  forget_history(now - in_microseconds(std::max<std::chrono::seconds>(keep, kDay)), 0, 0);
}

// Batch by batch, each as a separate task, so that other operations can run in between.
void Manager::forget_history(Microseconds before, std::int64_t after, std::int64_t forgotten) {
  out_.store.forget_history(
      before, after, [this, before, forgotten](const Expected<store::ForgottenHistory>& part) {
        if (!part) {
          history_tidied_ = 0;  // again after the next job
          if (part.error().code == ErrorCode::unavailable) return;
          return out_.log.trouble("old history cannot be removed: " + part.error().message);
        }
        const std::int64_t all = forgotten + part->jobs;
        if (part->more) return forget_history(before, part->last, all);
        if (all > 0) out_.log.history_forgotten(all);
      });
}

}  // namespace cyborg
