// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/maintenance.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/repository_url.h"
#include "plan/retention.h"

namespace cyborg {
namespace {

constexpr std::array kScheduled{
    ScheduledMaintenance{JobKind::check, "check_schedule", &Repository::check_schedule},
    ScheduledMaintenance{JobKind::verify, "verify_schedule", &Repository::verify_schedule},
    ScheduledMaintenance{JobKind::compact, "compact_schedule", &Repository::compact_schedule},
};

Json::Value maintenance_details(const Repository& repository, JobKind kind) {
  Json::Value details{Json::objectValue};
  details["retry"] = true;
  if (kind == JobKind::check) {
    details["max_duration"] = Json::Int64{repository.check_max_duration_seconds.count()};
    details["verify_data"] = repository.check_verify_data;
  }
  return details;
}

bool is_unfinished(const Jobs& active, JobKind kind, const std::string& borg_url) {
  return std::ranges::any_of(active, [&](const auto& entry) {
    return entry.second.kind == kind && entry.second.borg_url == borg_url;
  });
}

// The maintenance of a borg repository besides its own schedules: the schedule that verifies series, and
// whether prunes are followed by compactions.
struct SeriesMaintenance {
  std::string verify_schedule;
  bool compacts = true;
};

// Adds the policy's series in this borg repository: their prunes, with a compaction after them, and their
// verifications.
void add_series(const Fleet& fleet, const Policy& policy, const BorgRepository& borg,
                const SeriesMaintenance& maintenance, std::vector<Due>& due) {
  const auto& url = fleet.repositories.at(borg.repository).url;
  const bool used = std::ranges::find(policy.repositories, borg.repository) != policy.repositories.end();
  if (!used || !unusable_reason(fleet, policy).empty()) return;
  for (const auto& name : policy.clients) {
    const auto client = fleet.clients.find(name);
    const bool runs = client != fleet.clients.end() && client->second.enabled;
    if (!runs || expand_url(url, name) != borg.url) continue;
    if (!maintenance.verify_schedule.empty()) {
      due.push_back({JobKind::verify, policy.name, name, maintenance.verify_schedule});
    }
    if (policy.schedule.empty() || !retention_of(policy, name).any()) continue;
    due.push_back({JobKind::prune, policy.name, name, policy.schedule});
    if (maintenance.compacts) due.push_back({JobKind::compact, "", "", policy.schedule});
  }
}

// Against all other repositories, for these clients.
Expected<void> check_place(const Fleet& fleet, const Repository& repository, const ClientNames& clients) {
  for (const auto& [name, other] : fleet.repositories) {
    const Places places =
        name == repository.name ? Places::apart : compare_places(repository.url, other.url, clients);
    if (places == Places::apart) continue;
    // Both would write to it at the same time, and each would prune archives of the other's policies.
    if (places == Places::same) {
      return fail(ErrorCode::name_taken,
                  fmt::format("url \"{}\": repository {} is there already, as \"{}\"", repository.url, name,
                              other.url),
                  "use that one in policies");
    }
    // A client that may write to the outer one may write to both.
    const char* how = places == Places::first_inside ? "it lies inside" : "inside it lies";
    return fail(ErrorCode::name_taken,
                fmt::format("url \"{}\" of repository {}: {} repository {}, which is \"{}\"", repository.url,
                            repository.name, how, name, other.url),
                "give it a place beside the other one");
  }
  return {};
}

}  // namespace

std::span<const ScheduledMaintenance> maintenance_table() {
  return kScheduled;
}

Expected<void> check_repository_relations(const Fleet& fleet, const Repository& repository) {
  for (const auto& maintenance : kScheduled) {
    const std::string& name = repository.*maintenance.schedule;
    if (name.empty() || fleet.schedules.contains(name)) continue;
    return fail(ErrorCode::no_such_schedule,
                fmt::format("{}: no schedule named \"{}\"", maintenance.key, name));
  }
  ClientNames clients;
  for (const auto& [name, client] : fleet.clients) clients.insert(name);
  return check_place(fleet, repository, clients);
}

Expected<void> check_client_relations(const Fleet& fleet, const std::string& client) {
  for (const auto& [name, repository] : fleet.repositories) {
    if (!has_client_placeholder(repository.url)) continue;
    if (auto apart = check_place(fleet, repository, {client}); !apart) {
      return fail(apart.error().code, fmt::format("client {}: {}", client, apart.error().message),
                  "give it another name, or one of the repositories another place");
    }
  }
  return {};
}

const Schedule* maintenance_schedule(const Fleet& fleet, const Repository& repository,
                                     const ScheduledMaintenance& maintenance) {
  const auto schedule = fleet.schedules.find(repository.*maintenance.schedule);
  const bool runs = repository.enabled && schedule != fleet.schedules.end() && schedule->second.enabled;
  return runs ? &schedule->second : nullptr;
}

Expected<Plan> plan_scheduled_maintenance(const Fleet& fleet, JobKind kind, const std::string& name,
                                          const Jobs& active) {
  const auto repository = fleet.find_repository(name);
  if (!repository) return std::unexpected(repository.error());
  if (!(*repository)->enabled) {
    return fail(ErrorCode::disabled, fmt::format("repository {} is disabled", name));
  }
  if (kind == JobKind::verify) {
    auto proofs = plan_verify_repository(fleet, name, {}, active);
    if (!proofs) return proofs;
    for (auto& job : proofs->jobs) job.details["retry"] = true;
    return proofs;
  }
  Plan plan;
  for (const auto& [url, borg] : fleet.borg_repositories) {
    if (borg.repository != name || !borg.ready) continue;
    if (is_unfinished(active, kind, url)) {
      plan.notes.push_back(fmt::format("the {} of {} before has not ended", to_string(kind), url));
      continue;
    }
    NewJob& job = plan.jobs.emplace_back();
    job.kind = kind;
    job.client = borg.client;
    job.repository = name;
    job.borg_url = url;
    job.details = maintenance_details(**repository, kind);
  }
  return plan;
}

std::string damage_obstacle(const Fleet& fleet, const Job& job) {
  const auto borg = fleet.borg_repositories.find(job.borg_url);
  if (!traits_of(job.kind).removes_data || borg == fleet.borg_repositories.end() || borg->second.damaged == 0)
    return {};
  if (job.details["by_hand"].asBool()) return {};
  return fmt::format(
      "repository {} is damaged (job {}): nothing is removed from it by itself until a whole check finds it "
      "good",
      job.borg_url, borg->second.damaged_job);
}

std::vector<Due> maintenance_due(const Fleet& fleet, const BorgRepository& borg, const Chain& chain) {
  std::vector<Due> due;
  const auto repository = fleet.repositories.find(borg.repository);
  if (repository == fleet.repositories.end()) return due;
  SeriesMaintenance series{"", chain.compact};
  for (const auto& maintenance : kScheduled) {
    const Schedule* schedule = maintenance_schedule(fleet, repository->second, maintenance);
    if (!schedule) continue;
    if (maintenance.kind == JobKind::verify) {
      series.verify_schedule = schedule->name;
      continue;
    }
    due.push_back({maintenance.kind, "", "", schedule->name});
    if (maintenance.kind == JobKind::compact) series.compacts = false;
  }
  if (!repository->second.enabled) return due;
  for (const auto& [name, policy] : fleet.policies) add_series(fleet, policy, borg, series, due);
  return due;
}

Microseconds interval_of(std::span<const Microseconds> elapses) {
  Microseconds longest = 0;
  for (std::size_t i = 1; i < elapses.size(); ++i) longest = std::max(longest, elapses[i] - elapses[i - 1]);
  return longest;
}

}  // namespace cyborg
