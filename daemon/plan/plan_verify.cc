// SPDX-License-Identifier: GPL-3.0-or-later
// plan.h's plan_verify and plan_verify_repository.
#include <fmt/format.h>

#include <algorithm>

#include "core/repository_url.h"
#include "plan/plan.h"

namespace cyborg {
namespace {

bool contains(std::span<const std::string> names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// Adds one job for a client's series, unless there is nothing to verify, or it is being verified.
void add_verify(const Fleet& fleet, const Policy& policy, const std::string& client,
                const std::string& repository, const Jobs& active, Plan& plan) {
  const std::string url = expand_url(fleet.repositories.at(repository).url, client);
  const auto known = fleet.borg_repositories.find(url);
  if (known == fleet.borg_repositories.end() || !known->second.ready) {
    plan.notes.push_back(
        fmt::format("policy {} has no archive of {} in repository {} yet", policy.name, client, repository));
    return;
  }
  const auto same = [&](const auto& entry) {
    const Job& job = entry.second;
    return job.kind == JobKind::verify && job.policy == policy.name && job.client == client &&
           job.borg_url == url;
  };
  if (const auto other = std::ranges::find_if(active, same); other != active.end()) {
    plan.notes.push_back(
        fmt::format("job {} of policy {} on {} has not ended", other->first, policy.name, client));
    return;
  }
  NewJob& job = plan.jobs.emplace_back();
  job.kind = JobKind::verify;
  job.policy = policy.name;
  job.client = client;
  job.repository = repository;
  job.borg_url = url;
}

Expected<void> check_repository(const Fleet& fleet, const std::string& name) {
  const auto found = fleet.find_repository(name);
  if (!found) return std::unexpected(found.error());
  if ((*found)->enabled) return {};
  return fail(ErrorCode::disabled, fmt::format("repository {} is disabled", name),
              fmt::format("cyborgctl repository enable {}", name));
}

}  // namespace

Expected<Plan> plan_verify(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                           const Jobs& active) {
  Plan plan;
  for (const auto& name : only) {
    if (contains(policy.clients, name)) continue;
    return fail(ErrorCode::no_such_client, fmt::format("policy {} has no client \"{}\"", policy.name, name));
  }
  for (const auto& client : policy.clients) {
    if (!only.empty() && !contains(only, client)) continue;
    for (const auto& repository : policy.repositories) {
      if (auto usable = check_repository(fleet, repository); !usable) return std::unexpected(usable.error());
      add_verify(fleet, policy, client, repository, active, plan);
    }
  }
  return plan;
}

Expected<Plan> plan_verify_repository(const Fleet& fleet, const std::string& repository,
                                      std::span<const std::string> only, const Jobs& active) {
  if (auto usable = check_repository(fleet, repository); !usable) return std::unexpected(usable.error());
  Plan plan;
  for (const auto& [name, policy] : fleet.policies) {
    if (!contains(policy.repositories, repository)) continue;
    if (!policy.enabled) {
      plan.notes.push_back(fmt::format("policy {} is disabled", name));
      continue;
    }
    for (const auto& client : policy.clients) {
      if (only.empty() || contains(only, client)) add_verify(fleet, policy, client, repository, active, plan);
    }
  }
  return plan;
}

}  // namespace cyborg
