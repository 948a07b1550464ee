// SPDX-License-Identifier: GPL-3.0-or-later
// Maintenance of repositories: what their own schedules start, when each kind is due, and what a damaged
// repository prevents. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace cyborg {

// A kind of maintenance that can have a schedule of its own. Its timer is named after the kind.
struct ScheduledMaintenance {
  JobKind kind;
  const char* key;  // the property for the schedule's name
  std::string Repository::* schedule;
};
std::span<const ScheduledMaintenance> maintenance_table();

// Refuses schedules that do not exist.
Expected<void> check_repository_relations(const Fleet& fleet, const Repository& repository);
// With a new client's name, the expanded path of one repository may become that of another.
Expected<void> check_client_relations(const Fleet& fleet, const std::string& client);

// The schedule that starts this maintenance; nullptr if it does not start by itself, because none is set or
// an object is disabled.
const Schedule* maintenance_schedule(const Fleet& fleet, const Repository& repository,
                                     const ScheduledMaintenance& maintenance);

// The jobs for one elapse: one for each prepared borg repository, unless an earlier one of this kind has not
// ended.
Expected<Plan> plan_scheduled_maintenance(const Fleet& fleet, JobKind kind, const std::string& repository,
                                          const Jobs& active);

// Why a damaged repository prevents the job, which is a prune or a compaction that was not requested by hand.
// Empty if the job may run.
std::string damage_obstacle(const Fleet& fleet, const Job& job);

// Scheduled maintenance of a borg repository, by its own schedule or a policy's. For prunes and
// verifications, one for each policy and client.
struct Due {
  JobKind kind = JobKind::check;
  std::string policy, client;  // for prunes and verifications
  std::string schedule;
};
std::vector<Due> maintenance_due(const Fleet& fleet, const BorgRepository& repository, const Chain& chain);

// The longest time between two elapses: the maximum age of something done at each elapse.
Microseconds interval_of(std::span<const Microseconds> elapses);

}  // namespace cyborg
