// SPDX-License-Identifier: GPL-3.0-or-later
// plan.h's add_catalogs.
#include "plan/plan.h"

namespace cyborg {

void add_catalogs(const Fleet& fleet, Plan& plan) {
  const std::size_t count = plan.jobs.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (plan.jobs[i].kind != JobKind::backup) continue;
    const auto policy = fleet.policies.find(plan.jobs[i].policy);
    if (policy == fleet.policies.end() || !policy->second.catalog) continue;
    NewJob job;
    job.kind = JobKind::catalog;
    job.policy = plan.jobs[i].policy;
    job.client = plan.jobs[i].client;
    job.repository = plan.jobs[i].repository;
    job.borg_url = plan.jobs[i].borg_url;
    job.archive = plan.jobs[i].archive;
    job.reason = "waits for the backup";
    job.after.push_back(i);
    plan.jobs.push_back(std::move(job));
  }
}

}  // namespace cyborg
