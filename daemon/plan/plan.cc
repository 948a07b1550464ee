// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "core/backup_source.h"
#include "core/repository_url.h"
#include "plan/planner.h"
#include "plan/retention.h"

namespace cyborg {
namespace {

std::unexpected<Error> disabled(std::string_view kind, std::string_view name) {
  return fail(ErrorCode::disabled, fmt::format("{} {} is disabled", kind, name),
              fmt::format("cyborgctl {} enable {}", kind, name));
}

bool contains(std::span<const std::string> names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

NewJob backup_job(Planner& planner, const Policy& policy, const Client& client, const Repository& repository,
                  std::string_view timestamp) {
  NewJob job;
  job.kind = JobKind::backup;
  job.policy = policy.name;
  job.client = client.name;
  job.repository = repository.name;
  job.borg_url = planner.borg_url(repository, client.name);
  job.archive = fmt::format("{}-{}-{}", policy.name, client.name, timestamp);
  planner.need_client(job, client);
  planner.need_repository(job, repository, job.borg_url);
  return job;
}

// Adds a prune of one series; `after` is its backup in the plan, if there is one.
void add_prune(Planner& planner, const Policy& policy, const std::string& client,
               const std::string& repository, const std::string& url, std::optional<std::size_t> after) {
  NewJob job = Planner::preparation(JobKind::prune, client, repository, url);
  job.policy = policy.name;
  if (after) {
    job.after.push_back(*after);
    job.reason = fmt::format("waits for the backup of {}", client);
  }
  planner.add(std::move(job));
}

// Adds a backup, and the jobs that follow it for its own archives.
void add_chain(Planner& planner, const Policy& policy, const Client& client, const Repository& repository,
               std::string_view timestamp) {
  NewJob backup = backup_job(planner, policy, client, repository, timestamp);
  const std::string url = backup.borg_url;
  const std::size_t made = planner.add(std::move(backup));
  if (retention_of(policy, client.name).any()) {
    add_prune(planner, policy, client.name, repository.name, url, made);
  }
}

// Adds one compaction of each pruned borg repository, after all its prunes.
void add_compactions(Planner& planner) {
  std::map<std::string, NewJob> compactions;
  const auto& jobs = planner.plan().jobs;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (jobs[i].kind != JobKind::prune) continue;
    NewJob& job = compactions[jobs[i].borg_url];
    if (job.after.empty()) {
      job = Planner::preparation(JobKind::compact, jobs[i].client, jobs[i].repository, jobs[i].borg_url);
      job.policy = jobs[i].policy;
      job.reason = "waits for the prune";
    }
    job.after.push_back(i);
  }
  for (auto& [url, job] : compactions) planner.add(std::move(job));
}

// The unfinished backup of the same policy, client and repository, or nullptr.
const Job* previous_backup(const Jobs& active, const Policy& policy, const std::string& client,
                           const std::string& repository) {
  for (const auto& [id, job] : active) {
    if (job.kind == JobKind::backup && job.policy == policy.name && job.client == client &&
        job.repository == repository) {
      return &job;
    }
  }
  return nullptr;
}

Expected<std::vector<std::string>> chosen_clients(const Policy& policy, std::span<const std::string> only) {
  if (only.empty()) return policy.clients;
  for (const auto& name : only) {
    if (!contains(policy.clients, name)) {
      return fail(ErrorCode::no_such_client,
                  fmt::format("policy {} has no client \"{}\"", policy.name, name));
    }
  }
  return std::vector<std::string>{only.begin(), only.end()};
}

}  // namespace

std::string unusable_reason(const Fleet& fleet, const Policy& policy) {
  if (!policy.enabled) return fmt::format("policy {} is disabled", policy.name);
  if (const auto schedule = fleet.schedules.find(policy.schedule);
      schedule != fleet.schedules.end() && !schedule->second.enabled) {
    return fmt::format("schedule {} is disabled", policy.schedule);
  }
  for (const auto& name : policy.repositories) {
    const auto repository = fleet.repositories.find(name);
    if (repository != fleet.repositories.end() && !repository->second.enabled) {
      return fmt::format("repository {} is disabled", name);
    }
  }
  const bool any_client = std::ranges::any_of(policy.clients, [&](const std::string& name) {
    const auto client = fleet.clients.find(name);
    return client != fleet.clients.end() && client->second.enabled;
  });
  if (policy.clients.empty()) return fmt::format("policy {} has no client", policy.name);
  if (!any_client) {
    return policy.clients.size() == 1 ? fmt::format("client {} is disabled", policy.clients.front())
                                      : fmt::format("all clients of policy {} are disabled", policy.name);
  }
  return {};
}

Expected<void> check_policy_relations(const Fleet& fleet, const Policy& policy) {
  if (!policy.schedule.empty()) {
    const auto schedule = fleet.find_schedule(policy.schedule);
    if (!schedule) return std::unexpected(schedule.error());
  }
  for (const auto& name : policy.clients) {
    const auto client = fleet.find_client(name);
    if (!client) return std::unexpected(client.error());
    if ((*client)->local && backup_source(policy, name).snapshot) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("snapshot \"auto\": client {} is the server itself, whose jobs may neither mount "
                      "nor make snapshots",
                      name),
          "set snapshot=none, or add the server as a client that is reached by ssh");
    }
  }
  for (const auto& name : policy.repositories) {
    const auto repository = fleet.find_repository(name);
    if (!repository) return std::unexpected(repository.error());
    if ((*repository)->shared || has_client_placeholder((*repository)->url)) continue;
    std::set<std::string> writers(policy.clients.begin(), policy.clients.end());
    for (const auto& [other_name, other] : fleet.policies) {
      if (other_name != policy.name && contains(other.repositories, name)) {
        writers.insert(other.clients.begin(), other.clients.end());
      }
    }
    if (writers.size() > 1) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("repository {} would take {} clients, and its URL has no {{client}}", name,
                              writers.size()),
                  "put {client} into the URL of a repository, or set shared=true if its clients may read "
                  "each other's data");
    }
  }
  return {};
}

Expected<Plan> plan_run(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                        const Jobs& active, std::string_view timestamp, const Chain& chain) {
  if (std::string reason = unusable_reason(fleet, policy); !reason.empty()) {
    return fail(ErrorCode::disabled, fmt::format("policy {} cannot run: {}", policy.name, reason));
  }
  const auto clients = chosen_clients(policy, only);
  if (!clients) return std::unexpected(clients.error());
  Planner planner{fleet, active};
  for (const auto& client_name : *clients) {
    const auto client = fleet.find_client(client_name);
    if (!client) return std::unexpected(client.error());
    if (!(*client)->enabled) {
      if (!only.empty()) return disabled("client", client_name);
      planner.plan().notes.push_back(fmt::format("client {} is disabled", client_name));
      continue;
    }
    for (const auto& repository_name : policy.repositories) {
      const auto repository = fleet.find_repository(repository_name);
      if (!repository) return std::unexpected(repository.error());
      if (const Job* previous = previous_backup(active, policy, client_name, repository_name)) {
        planner.plan().notes.push_back(
            fmt::format("job {} of policy {} on {} has not ended", previous->id, policy.name, client_name));
        continue;
      }
      add_chain(planner, policy, **client, **repository, timestamp);
    }
  }
  if (chain.compact) add_compactions(planner);
  return planner.take();
}

Expected<Plan> plan_prune(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                          const Chain& chain) {
  const auto clients = chosen_clients(policy, only);
  if (!clients) return std::unexpected(clients.error());
  Planner planner{fleet, {}};
  for (const auto& client : *clients) {
    if (!retention_of(policy, client).any()) {
      planner.plan().notes.push_back(fmt::format("policy {} keeps all archives of {}", policy.name, client));
      continue;
    }
    for (const auto& name : policy.repositories) {
      const auto repository = fleet.find_repository(name);
      if (!repository) return std::unexpected(repository.error());
      if (!(*repository)->enabled) return disabled("repository", name);
      add_prune(planner, policy, client, name, expand_url((*repository)->url, client), std::nullopt);
    }
  }
  if (chain.compact) add_compactions(planner);
  for (auto& job : planner.plan().jobs) job.details["by_hand"] = true;
  return planner.take();
}

Expected<Plan> plan_repository_jobs(const Fleet& fleet, JobKind kind, const std::string& name,
                                    std::span<const std::string> only, const Json::Value& details) {
  const auto repository = fleet.find_repository(name);
  if (!repository) return std::unexpected(repository.error());
  if (!(*repository)->enabled) return disabled("repository", name);
  Planner planner{fleet, {}};
  for (const auto& [url, one] : fleet.borg_repositories) {
    if (one.repository != name || !one.ready) continue;
    // A repository without {client} belongs to all clients.
    if (!only.empty() && !one.client.empty() && !contains(only, one.client)) continue;
    NewJob job = Planner::preparation(kind, one.client, name, url);
    job.details = details;
    job.details["by_hand"] = true;
    planner.add(std::move(job));
  }
  if (planner.plan().jobs.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("repository {}: none of it is prepared yet", name),
                fmt::format("cyborgctl repository prepare {}", name));
  }
  return planner.take();
}

Expected<Plan> plan_prepare_client(const Fleet& fleet, const std::string& name, const Jobs& active) {
  const auto client = fleet.find_client(name);
  if (!client) return std::unexpected(client.error());
  if (!(*client)->enabled) return disabled("client", name);
  Planner planner{fleet, active};
  planner.add(Planner::preparation(JobKind::prepare_client, name, "", ""));
  return planner.take();
}

Expected<Plan> plan_prepare_repository(const Fleet& fleet, const std::string& name,
                                       std::span<const std::string> only, const Jobs& active) {
  const auto repository = fleet.find_repository(name);
  if (!repository) return std::unexpected(repository.error());
  if (!(*repository)->enabled) return disabled("repository", name);
  std::set<std::string> owners(only.begin(), only.end());
  if (!has_client_placeholder((*repository)->url)) {
    owners = {""};
  } else if (owners.empty()) {
    for (const auto& [policy_name, policy] : fleet.policies) {
      if (contains(policy.repositories, name)) owners.insert(policy.clients.begin(), policy.clients.end());
    }
  }
  Planner planner{fleet, active};
  for (const auto& owner : owners) {
    if (!owner.empty()) {
      if (const auto client = fleet.find_client(owner); !client) return std::unexpected(client.error());
    }
    planner.add(planner.repository_preparation(**repository, owner, planner.borg_url(**repository, owner)));
  }
  if (planner.plan().jobs.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("repository {}: its URL has {{client}}, and no policy names one", name),
                "add a policy, or name clients with --client");
  }
  return planner.take();
}

Expected<Plan> plan_restore(const Fleet& fleet, const RestoreRequest& request, const Jobs& active) {
  const auto repository = fleet.find_repository(request.repository);
  if (!repository) return std::unexpected(repository.error());
  if (!(*repository)->enabled) return disabled("repository", request.repository);
  Planner planner{fleet, active};
  NewJob job;
  job.kind = JobKind::restore;
  job.policy = request.policy;
  job.client = request.client;
  job.repository = request.repository;
  job.borg_url = request.borg_url;
  job.archive = request.archive;
  job.details = restore_details(request);
  // Output for the caller is read on the server, whatever the state of the client.
  if (!request.output) {
    const auto client = fleet.find_client(request.client);
    if (!client) return std::unexpected(client.error());
    if (!(*client)->enabled) return disabled("client", request.client);
    planner.need_client(job, **client);
  }
  planner.add(std::move(job));
  return planner.take();
}

// Plans the same work on the same borg repository.
Expected<Plan> plan_maintenance(const Fleet& fleet, const Job& like, const Jobs& active) {
  const auto repository = fleet.find_repository(like.repository);
  if (!repository) return std::unexpected(repository.error());
  if (!(*repository)->enabled) return disabled("repository", like.repository);
  Planner planner{fleet, active};
  NewJob job = Planner::preparation(like.kind, like.client, like.repository, like.borg_url);
  job.policy = like.policy;
  job.archive = like.archive;
  job.details = like.details;
  job.details["by_hand"] = true;  // the caller knows the state of the repository
  planner.add(std::move(job));
  return planner.take();
}

namespace {

Expected<Plan> same_test(Expected<Plan> plan, const Job& ended) {
  if (!plan) return plan;
  for (auto& job : plan->jobs) {
    for (const char* what : {"dry_run", "change_passphrase"}) {
      if (ended.details[what].asBool()) job.details[what] = true;
    }
  }
  return plan;
}

}  // namespace

Expected<Plan> plan_retry(const Fleet& fleet, const Job& ended, const Jobs& active,
                          std::string_view timestamp, const Chain& chain) {
  switch (ended.kind) {
    case JobKind::prepare_client:
      return same_test(plan_prepare_client(fleet, ended.client, active), ended);
    case JobKind::prepare_repository: {
      std::vector<std::string> only;
      if (!ended.client.empty()) only.push_back(ended.client);
      return same_test(plan_prepare_repository(fleet, ended.repository, only, active), ended);
    }
    case JobKind::restore: {
      RestoreRequest request = restore_request(ended);
      if (request.output) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("job {} restored to whoever asked for it, who has gone", ended.id),
                    "cyborgctl restore --stdout again");
      }
      return plan_restore(fleet, request, active);
    }
    case JobKind::withdraw: {
      const KeyChoice only{ended.repository, {ended.client}};
      Plan plan = plan_withdrawals(fleet, active, &only);
      if (plan.jobs.empty()) {
        return fail(ErrorCode::invalid_argument, "there is no key of a client to be taken away",
                    fmt::format("cyborgctl repository keys {}", ended.repository));
      }
      return plan;
    }
    case JobKind::catalog:
    case JobKind::prune:
    case JobKind::compact:
    case JobKind::check:
    case JobKind::verify:
    case JobKind::list:
      return plan_maintenance(fleet, ended, active);
    case JobKind::backup:
      break;
  }
  return plan_retry_backups(fleet, std::span{&ended, 1}, active, timestamp, chain);
}

std::optional<std::string_view> privileged_method(const Job& ended) {
  const RepeatRight& right = traits_of(ended.kind).repeat_right;
  if (!right.method) return std::nullopt;
  if (right.detail) {
    const Json::Value& detail = ended.details[right.detail];
    if (detail.empty() || detail == Json::Value{false}) return std::nullopt;
  }
  return right.method;
}

Expected<Plan> plan_retry_backups(const Fleet& fleet, std::span<const Job> ended, const Jobs& active,
                                  std::string_view timestamp, const Chain& chain) {
  Planner planner{fleet, active};
  for (const auto& job : ended) {
    const auto policy = fleet.find_policy(job.policy);
    if (!policy) return std::unexpected(policy.error());
    const auto client = fleet.find_client(job.client);
    if (!client) return std::unexpected(client.error());
    const auto repository = fleet.find_repository(job.repository);
    if (!repository) return std::unexpected(repository.error());
    if (const std::string reason = unusable_reason(fleet, **policy); !reason.empty()) {
      return fail(ErrorCode::disabled, fmt::format("policy {} cannot run: {}", job.policy, reason));
    }
    if (!(*client)->enabled) return disabled("client", job.client);
    if (const Job* previous = previous_backup(active, **policy, job.client, job.repository)) {
      return fail(ErrorCode::in_use, fmt::format("job {} of policy {} on {} has not ended", previous->id,
                                                 job.policy, job.client));
    }
    add_chain(planner, **policy, **client, **repository, timestamp);
  }
  if (chain.compact) add_compactions(planner);
  return planner.take();
}

}  // namespace cyborg
