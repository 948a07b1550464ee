// Maintenance of repositories: what their own schedules start, what is due when, and what a damaged one
// forbids. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/plan.h"

namespace cyborg {

// A kind of maintenance that a repository can have a schedule for. Its timer is called as its kind.
struct ScheduledMaintenance {
  JobKind kind;
  const char* key;  // the property that names the schedule
  std::string Repository::* schedule;
};
std::span<const ScheduledMaintenance> maintenance_table();

// Schedules that do not exist.
Expected<void> check_repository_relations(const Fleet& fleet, const Repository& repository);
// A new client's name may be what another repository's place ends with.
Expected<void> check_client_relations(const Fleet& fleet, const std::string& client);

// The schedule by which this maintenance starts by itself; nullptr if it does not: none is set, or something
// is disabled.
const Schedule* maintenance_schedule(const Fleet& fleet, const Repository& repository,
                                     const ScheduledMaintenance& maintenance);

// The jobs of one elapse: one for each borg repository that is prepared, unless one of this kind has not
// ended.
Expected<Plan> plan_scheduled_maintenance(const Fleet& fleet, JobKind kind, const std::string& repository,
                                          const Jobs& active);

// What a damaged repository keeps from running by itself: a prune or a compaction that nobody asked for.
// Empty when the job may run.
std::string damage_obstacle(const Fleet& fleet, const Job& job);

// Maintenance that a borg repository gets by a schedule, its own or a policy's. Of prunes and verifications,
// one for each policy and client.
struct Due {
  JobKind kind = JobKind::check;
  std::string policy, client;  // of prunes and verifications
  std::string schedule;
};
std::vector<Due> maintenance_due(const Fleet& fleet, const BorgRepository& repository, const Chain& chain);

// The longest time between two elapses: how old may be what happens at each.
Microseconds interval_of(std::span<const Microseconds> elapses);

}  // namespace cyborg
