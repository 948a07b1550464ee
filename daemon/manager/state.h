// SPDX-License-Identifier: GPL-3.0-or-later
// The state that the daemon has in memory: the fleet, the unfinished jobs, and those that ended
// recently.
#pragma once

#include <map>
#include <string>

#include "manager/ports.h"
#include "plan/plan.h"
#include "plan/settings.h"

namespace cyborg {

struct State {
  bool loaded = false;     // the first snapshot is in
  bool available = false;  // PostgreSQL is available
  std::string unavailable_reason = "the database was not reached yet";
  Fleet fleet;
  Settings settings;
  Jobs unfinished;
  Jobs recent;  // ended jobs
  std::map<std::int64_t, Progress> progress;
  std::string ssh_public_key;
  std::string sealed_ssh_key;

  // Returns a live or recent job, or nullptr.
  const Job* find_job(std::int64_t id) const {
    if (const auto job = unfinished.find(id); job != unfinished.end()) return &job->second;
    const auto job = recent.find(id);
    return job != recent.end() ? &job->second : nullptr;
  }

  // Refuses changes while the database is unavailable.
  Expected<void> writable() const {
    if (loaded && available) return {};
    return fail(ErrorCode::unavailable, "the database is away: " + unavailable_reason);
  }
};

}  // namespace cyborg
