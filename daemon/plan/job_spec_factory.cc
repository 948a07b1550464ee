// SPDX-License-Identifier: GPL-3.0-or-later
// plan.h's job_spec: the specification of a planned job for cyborg-job.
#include <fmt/format.h>

#include <algorithm>

#include "borg/archive_items.h"
#include "borg/direct_access.h"
#include "core/backup_source.h"
#include "core/hooks.h"
#include "core/policy_types.h"
#include "core/repository_url.h"
#include "plan/maintenance.h"
#include "plan/plan.h"

namespace cyborg {
namespace {

Expected<void> describe_client(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const auto found = fleet.clients.find(job.client);
  if (found == fleet.clients.end()) {
    return fail(ErrorCode::no_such_client, fmt::format("client {} was removed", job.client));
  }
  const Client& client = found->second;
  if (!client.enabled) return fail(ErrorCode::disabled, fmt::format("client {} is disabled", job.client));
  spec.local = client.local;
  if (!client.local) {
    spec.target = {client.address.empty() ? client.name : client.address, client.port, client.user,
                   client.host_key, client.jump};
  }
  return {};
}

Expected<void> describe_repository(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const auto found = fleet.repositories.find(job.repository);
  if (found == fleet.repositories.end()) {
    return fail(ErrorCode::no_such_repository, fmt::format("repository {} was removed", job.repository));
  }
  const Repository& repository = found->second;
  if (!repository.enabled)
    return fail(ErrorCode::disabled, fmt::format("repository {} is disabled", job.repository));
  auto location = parse_repository_url(job.borg_url);
  if (!location) return std::unexpected(location.error());
  spec.repository_host = location->host;
  spec.repository_host.host_key = repository.host_key;
  spec.repository_path = location->path;
  spec.encryption = repository.encryption;
  spec.append_only = repository.append_only;
  const auto known = fleet.borg_repositories.find(job.borg_url);
  if (known != fleet.borg_repositories.end() && !job.details["anew"].asBool()) {
    spec.borg_id = known->second.borg_id;
  }
  return {};
}

// The client's direct access, for jobs that use or prepare it. The job then runs on the client, too.
Expected<void> describe_direct(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const Repository& repository = fleet.repositories.at(job.repository);
  const auto client = fleet.clients.find(job.client);
  if (client == fleet.clients.end() || !goes_direct(repository, client->second)) return {};
  if (job.kind == JobKind::prepare_repository) {
    if (auto described = describe_client(fleet, job, spec); !described) return described;
  }
  spec.direct.used = true;
  spec.direct.manual = repository.authorize == "manual";
  spec.direct.host_public_key = repository.host_public_key;
  if (const auto known = fleet.borg_repositories.find(job.borg_url); known != fleet.borg_repositories.end()) {
    spec.direct.key = known->second.direct.key;
    spec.direct.line = known->second.direct.line;
  }
  return {};
}

// Client and repository may have been removed.
Expected<void> describe_withdrawal(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const auto known = fleet.borg_repositories.find(job.borg_url);
  if (known == fleet.borg_repositories.end() || known->second.direct.line.empty()) {
    return fail(ErrorCode::failed, fmt::format("no key is authorised for {}", job.borg_url));
  }
  const BorgRepository& one = known->second;
  if (!may_withdraw(fleet, one, job.details["asked"].asBool())) {
    return fail(ErrorCode::in_use,
                fmt::format("client {} uses its key for repository {} again", one.client, one.repository));
  }
  auto location = parse_repository_url(job.borg_url);
  if (!location) return std::unexpected(location.error());
  const auto repository = fleet.repositories.find(one.repository);
  const bool pinned = repository != fleet.repositories.end() && !repository->second.host_key.empty();
  spec.repository_host = location->host;
  spec.repository_host.host_key = pinned ? repository->second.host_key : one.direct.host_key;
  spec.repository_path = location->path;
  spec.direct.key = one.direct.key;
  spec.direct.line = one.direct.line;
  return {};
}

Expected<void> describe_backup(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const auto found = fleet.policies.find(job.policy);
  if (found == fleet.policies.end()) {
    return fail(ErrorCode::no_such_policy, fmt::format("policy {} was removed", job.policy));
  }
  const Policy& policy = found->second;
  if (!policy.enabled) return fail(ErrorCode::disabled, fmt::format("policy {} is disabled", job.policy));
  const BackupSource source = backup_source(policy, job.client);
  spec.archive = job.archive;
  spec.roots = source.roots;
  spec.any_root = source.any_root;
  spec.patterns = source.patterns;
  spec.exclude = source.exclude;
  spec.exclude_if_present = source.exclude_if_present;
  spec.exclude_caches = source.exclude_caches;
  spec.one_file_system = source.one_file_system;
  spec.snapshot = source.snapshot;
  spec.snapshot_size = source.snapshot_size;
  spec.dump = source.dump;
  spec.compression = policy.compression;
  spec.upload_limit = policy.upload_limit;
  spec.files_cache_suffix = policy.name;
  return {};
}

// What can be verified in an archive depends on its policy. Even if client or policy were removed, the
// repository can be read.
void describe_verify(const Fleet& fleet, const Job& job, JobSpec& spec) {
  spec.archive = job.archive;
  spec.seed = job.details["seed"].asString();
  spec.verify = "read";
  if (const auto policy = fleet.policies.find(job.policy); policy != fleet.policies.end()) {
    const DumpSpec dump = backup_source(policy->second, job.client).dump;
    spec.verify = !dump ? "compare" : dump.databases() ? to_string(*dump.type) : "read";
    spec.canaries = policy->second.canaries;
  }
  if (auto described = describe_client(fleet, job, spec); !described) {
    spec.client_away = described.error().message;
  } else if (!fleet.clients.at(job.client).ready) {
    spec.client_away = fmt::format("client {} is not prepared", job.client);
  }
}

Expected<void> describe_restore(const Fleet& fleet, const Job& job, JobSpec& spec) {
  const RestoreRequest request = restore_request(job);
  spec.archive = request.archive;
  RestoreSpec& restore = spec.restore;
  restore = request;
  spec.dry_run = restore.dry_run;
  if (restore.conflict.empty()) {
    restore.conflict = restore.of_databases() || restore.of_guest() ? "fail" : "overwrite";
  }
  if (!restore.of_databases() && !restore.of_guest()) return {};
  const auto policy = fleet.policies.find(job.policy);
  if (policy == fleet.policies.end()) {
    return fail(ErrorCode::no_such_policy, fmt::format("policy {} was removed", job.policy));
  }
  // The policy may have another type than when the restore was asked for.
  if (auto fits = check_databases(request, policy->second.type); !fits) return fits;
  if (auto fits = check_guest(request, policy->second.type); !fits) return fits;
  spec.dump = backup_source(policy->second, job.client).dump;
  if (restore.of_guest()) {
    if (restore.guest_name.empty()) restore.guest_name = restore.guest;
    restore.paths = {guest_path(spec)};
    return {};
  }
  for (auto& [name, new_name] : restore.databases) {
    if (new_name.empty()) new_name = name;
  }
  return {};
}

}  // namespace

Expected<JobSpec> job_spec(const Fleet& fleet, const Job& job) {
  if (std::string obstacle = damage_obstacle(fleet, job); !obstacle.empty()) {
    return fail(ErrorCode::failed, std::move(obstacle));
  }
  JobSpec spec;
  spec.job = job.id;
  spec.run = job.run;
  spec.attempt = job.attempt;
  spec.kind = job.kind;
  spec.policy = job.policy;
  spec.client = job.client;
  spec.repository = job.repository;
  if (job.kind == JobKind::restore) {
    if (auto described = describe_restore(fleet, job, spec); !described)
      return std::unexpected(described.error());
  }
  if (works_on_client(spec)) {
    if (auto described = describe_client(fleet, job, spec); !described)
      return std::unexpected(described.error());
  }
  if (job.kind == JobKind::withdraw) {
    if (auto described = describe_withdrawal(fleet, job, spec); !described)
      return std::unexpected(described.error());
  } else if (has_repository(job.kind)) {
    if (auto described = describe_repository(fleet, job, spec); !described)
      return std::unexpected(described.error());
  }
  if (job.kind == JobKind::backup || job.kind == JobKind::prepare_repository) {
    if (auto described = describe_direct(fleet, job, spec); !described)
      return std::unexpected(described.error());
  }
  if (job.kind == JobKind::backup) {
    if (auto described = describe_backup(fleet, job, spec); !described)
      return std::unexpected(described.error());
  }
  if (const auto policy = fleet.policies.find(job.policy); policy != fleet.policies.end()) {
    spec.hooks = hooks_of(policy->second.hooks, job.kind);
    if (spec.restore.output)
      std::erase_if(spec.hooks, [](const Hook& hook) { return hook.where == "client"; });
  }
  spec.dry_run = job.details["dry_run"].asBool();
  spec.change_passphrase = job.details["change_passphrase"].asBool();
  // append-only restricts clients, not the server.
  if (is_maintenance(job.kind)) spec.append_only = false;
  if (job.kind == JobKind::check) {
    spec.max_duration = job.details["max_duration"].asInt64();
    spec.verify_data = job.details["verify_data"].asBool();
  }
  if (job.kind == JobKind::list) {
    for (const auto& name : job.details["import"]) spec.import_names.push_back(name.asString());
  }
  if (job.kind == JobKind::verify) describe_verify(fleet, job, spec);
  if (job.kind == JobKind::catalog) {
    spec.archive = job.archive;
    spec.borg_url = job.borg_url;
  }
  return spec;
}

}  // namespace cyborg
