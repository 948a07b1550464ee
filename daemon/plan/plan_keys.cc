// SPDX-License-Identifier: GPL-3.0-or-later
// plan.h's plan_withdrawals.
#include <fmt/format.h>

#include <algorithm>

#include "borg/direct_access.h"
#include "plan/plan.h"

namespace cyborg {
namespace {

bool is_chosen(const BorgRepository& one, const KeyChoice* only) {
  if (!only) return true;
  return one.repository == only->repository &&
         (only->clients.empty() || std::ranges::find(only->clients, one.client) != only->clients.end());
}

}  // namespace

bool may_withdraw(const Fleet& fleet, const BorgRepository& one, bool asked) {
  const auto client = fleet.clients.find(one.client);
  const auto repository = fleet.repositories.find(one.repository);
  if (client == fleet.clients.end() || repository == fleet.repositories.end() ||
      !goes_direct(repository->second, client->second)) {
    return true;
  }
  return asked && !(client->second.enabled && repository->second.enabled);
}

Plan plan_withdrawals(const Fleet& fleet, const Jobs& active, const KeyChoice* only) {
  Plan plan;
  for (const auto& [url, one] : fleet.borg_repositories) {
    if (one.direct.line.empty() || one.direct.manual || !is_chosen(one, only)) continue;
    if (!may_withdraw(fleet, one, only != nullptr)) continue;
    const bool at_work = std::ranges::any_of(active, [&](const auto& entry) {
      return entry.second.kind == JobKind::withdraw && entry.second.borg_url == url;
    });
    if (at_work) continue;
    NewJob job;
    job.kind = JobKind::withdraw;
    job.client = one.client;
    job.repository = one.repository;
    job.borg_url = url;
    job.details["retry"] = true;
    job.details["asked"] = only != nullptr;
    plan.jobs.push_back(std::move(job));
  }
  return plan;
}

}  // namespace cyborg
