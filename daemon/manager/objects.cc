// SPDX-License-Identifier: GPL-3.0-or-later
// Adding, changing and removing schedules, repositories, clients and policies.
#include <fmt/format.h>

#include <algorithm>

#include "core/backup_source.h"
#include "core/quota.h"
#include "core/repository_url.h"
#include "manager/manager.h"
#include "plan/maintenance.h"
#include "plan/properties.h"

namespace cyborg {
namespace {

// The object to start from: a new one, or the existing one.
template <typename T>
Expected<T> base_of(const Fleet& fleet, const std::map<std::string, T>& objects, const std::string& name,
                    bool create, ErrorCode missing, std::string_view kind) {
  const auto found = objects.find(name);
  if (create) {
    const std::size_t count =
        fleet.schedules.size() + fleet.repositories.size() + fleet.clients.size() + fleet.policies.size();
    if (auto fits = check_quota(Quota::objects, count + 1); !fits) return std::unexpected(fits.error());
    if (found != objects.end())
      return fail(ErrorCode::name_taken, fmt::format("a {} named \"{}\" exists", kind, name));
    T fresh;
    fresh.name = name;
    return fresh;
  }
  if (found == objects.end()) return fail(missing, fmt::format("no {} named \"{}\"", kind, name));
  return found->second;
}

Expected<void> check_secret(const char* name, const std::string& value) {
  if (!value.empty() && value.find_first_of(std::string_view{"\n\0", 2}) == std::string::npos) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("{}: expected one line that is not empty", name));
}

}  // namespace

void Manager::put_schedule(const std::string& name, const Json::Value& properties, bool create,
                           Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  auto base =
      base_of(state_.fleet, state_.fleet.schedules, name, create, ErrorCode::no_such_schedule, "schedule");
  if (!base) return done(std::unexpected(base.error()));
  auto schedule = apply_schedule(std::move(*base), properties);
  if (!schedule) return done(std::unexpected(schedule.error()));
  // systemd decides what an expression means, and whether it ever elapses.
  out_.systemd.next_elapses(schedule->calendar, 1,
                            [this, schedule = *schedule, create,
                             done = std::move(done)](const Expected<std::vector<Microseconds>>& elapses) {
                              if (!elapses) return done(std::unexpected(elapses.error()));
                              out_.store.put_schedule(
                                  schedule, create, [this, schedule, done](const Expected<void>& stored) {
                                    if (!stored) return done(stored);
                                    state_.fleet.schedules.insert_or_assign(schedule.name, schedule);
                                    changed(ObjectKind::schedule, schedule.name);
                                    refresh_timers(done);
                                  });
                            });
}

// For borg repositories that will be created, and those that could not be opened yet. One that was opened
// keeps its passphrase until its next preparation has found out that the new one opens it.
Expected<std::vector<store::Secret>> Manager::repository_secrets(const Repository& repository,
                                                                 const std::string& passphrase) {
  const std::string& name = repository.name;
  if (auto good = check_secret("passphrase", passphrase); !good) return std::unexpected(good.error());
  if (auto idle = refuse_preparations(name); !idle) return std::unexpected(idle.error());
  auto sealed = out_.secrets.seal("repository", name, "passphrase", passphrase);
  if (!sealed) return std::unexpected(sealed.error());
  std::vector<store::Secret> secrets{{{"repository", name, "passphrase"}, std::move(*sealed), ""}};
  for (const auto& [url, borg] : state_.fleet.borg_repositories) {
    if (borg.repository != name) continue;
    auto own = out_.secrets.seal("borg-repository", url, "passphrase", passphrase);
    if (!own) return std::unexpected(own.error());
    const bool opened = !borg.borg_id.empty();
    if (opened && repository.encryption == "none") continue;
    secrets.push_back(
        {opened ? store::new_passphrase_key(url) : store::passphrase_key(url), std::move(*own), ""});
  }
  return secrets;
}

Expected<std::vector<store::Secret>> Manager::changed_passphrases(
    const std::string& name, const std::vector<std::string>& clients,
    const std::optional<std::string>& passphrase) {
  const auto found = state_.fleet.find_repository(name);
  if (!found) return std::unexpected(found.error());
  const Repository& repository = **found;
  if (!repository.enabled) {
    return fail(ErrorCode::disabled, fmt::format("repository {} is disabled", name),
                fmt::format("cyborgctl repository enable {}", name));
  }
  if (repository.encryption == "none") {
    return fail(ErrorCode::invalid_argument, fmt::format("repository {} has no passphrase", name));
  }
  if (passphrase) {
    if (auto good = check_secret("passphrase", *passphrase); !good) return std::unexpected(good.error());
  }
  std::vector<store::Secret> secrets;
  for (const auto& [url, borg] : state_.fleet.borg_repositories) {
    const bool wanted = clients.empty() || std::ranges::find(clients, borg.client) != clients.end();
    const bool usable = borg.client.empty() || state_.fleet.clients.contains(borg.client);
    if (borg.repository != name || borg.borg_id.empty() || !wanted || !usable) continue;
    auto sealed = out_.secrets.seal("borg-repository", url, "passphrase",
                                    passphrase ? *passphrase : out_.secrets.random_passphrase());
    if (!sealed) return std::unexpected(sealed.error());
    secrets.push_back({store::new_passphrase_key(url), std::move(*sealed), store::kChanging});
  }
  if (secrets.empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("repository {}: none of what is asked for is prepared yet", name),
                fmt::format("cyborgctl repository set {} --passphrase-file FILE", name));
  }
  if (auto idle = refuse_preparations(name); !idle) return std::unexpected(idle.error());
  // Borg repositories created later get it, too.
  if (passphrase && clients.empty()) {
    auto sealed = out_.secrets.seal("repository", name, "passphrase", *passphrase);
    if (!sealed) return std::unexpected(sealed.error());
    secrets.push_back({{"repository", name, "passphrase"}, std::move(*sealed), ""});
  }
  return secrets;
}

// A running preparation uses another passphrase, and its result is about that one.
Expected<void> Manager::refuse_preparations(const std::string& repository) const {
  for (const auto& [id, job] : state_.unfinished) {
    if (job.kind != JobKind::prepare_repository || job.repository != repository || !is_live(job.state))
      continue;
    return fail(ErrorCode::in_use, fmt::format("job {} prepares repository {} just now", id, repository),
                "wait for it, or cyborgctl job cancel it");
  }
  return {};
}

void Manager::put_repository(const std::string& name, const Json::Value& properties,
                             std::optional<std::string> passphrase, bool create, Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  auto base = base_of(state_.fleet, state_.fleet.repositories, name, create, ErrorCode::no_such_repository,
                      "repository");
  if (!base) return done(std::unexpected(base.error()));
  auto repository = apply_repository(std::move(*base), properties, create);
  if (!repository) return done(std::unexpected(repository.error()));
  if (auto related = check_repository_relations(state_.fleet, *repository); !related) return done(related);
  auto secrets = passphrase ? repository_secrets(*repository, *passphrase) : std::vector<store::Secret>{};
  if (!secrets) return done(std::unexpected(secrets.error()));
  store_repository(*repository, std::move(*secrets), create, std::move(done));
}

void Manager::store_repository(const Repository& repository, std::vector<store::Secret> secrets, bool create,
                               Then<void> done) {
  std::vector<std::string> unready;
  for (const auto& [key, sealed, part] : secrets) {
    if (key == store::new_passphrase_key(key.owner)) unready.push_back(key.owner);
  }
  out_.store.put_repository(
      repository, create, std::move(secrets),
      [this, repository, unready = std::move(unready), done = std::move(done)](const Expected<void>& stored) {
        if (!stored) return done(stored);
        for (const auto& url : unready) state_.fleet.borg_repositories.at(url).ready = false;
        state_.fleet.repositories.insert_or_assign(repository.name, repository);
        changed(ObjectKind::repository, repository.name);
        withdraw_unused_keys("cyborgd");
        refresh_timers(done);
      });
}

void Manager::put_client(const std::string& name, const Json::Value& properties, bool create,
                         Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  auto base = base_of(state_.fleet, state_.fleet.clients, name, create, ErrorCode::no_such_client, "client");
  if (!base) return done(std::unexpected(base.error()));
  auto client = apply_client(std::move(*base), properties, create);
  if (!client) return done(std::unexpected(client.error()));
  if (create) {
    if (auto related = check_client_relations(state_.fleet, name); !related) return done(related);
  }
  out_.store.put_client(*client, create,
                        [this, client = *client, done = std::move(done)](const Expected<void>& stored) {
                          if (!stored) return done(stored);
                          state_.fleet.clients.insert_or_assign(client.name, client);
                          changed(ObjectKind::client, client.name);
                          refresh_timers(done);
                        });
}

Expected<std::vector<store::Secret>> Manager::policy_secrets(const Policy& policy,
                                                             std::optional<std::string> password) {
  const store::SecretKey key = store::policy_password_key(policy.name);
  // A password that the type does not use is removed, also when the policy's type changes.
  if (!takes_password(policy.type)) {
    if (!password) return std::vector<store::Secret>{{key, "", ""}};
    return fail(ErrorCode::invalid_argument,
                fmt::format("password: policy type \"{}\" takes none", policy.type));
  }
  if (!password) return std::vector<store::Secret>{};
  if (auto good = check_secret("password", *password); !good) return std::unexpected(good.error());
  auto sealed = out_.secrets.seal(key.kind, key.owner, key.field, *password);
  if (!sealed) return std::unexpected(sealed.error());
  return std::vector<store::Secret>{{key, std::move(*sealed), ""}};
}

void Manager::put_policy(const std::string& name, const Json::Value& properties,
                         std::optional<std::string> password, bool create, Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  auto base = base_of(state_.fleet, state_.fleet.policies, name, create, ErrorCode::no_such_policy, "policy");
  if (!base) return done(std::unexpected(base.error()));
  auto policy = apply_policy(std::move(*base), properties);
  if (!policy) return done(std::unexpected(policy.error()));
  if (auto related = check_policy_relations(state_.fleet, *policy); !related) return done(related);
  auto secrets = policy_secrets(*policy, std::move(password));
  if (!secrets) return done(std::unexpected(secrets.error()));
  out_.store.put_policy(*policy, create, std::move(*secrets),
                        [this, policy = *policy, done = std::move(done)](const Expected<void>& stored) {
                          if (!stored) return done(stored);
                          state_.fleet.policies.insert_or_assign(policy.name, policy);
                          changed(ObjectKind::policy, policy.name);
                          refresh_timers(done);
                        });
}

// As in the store: repositories continue without it.
void Manager::forget_schedule(const std::string& name) {
  for (auto& [repository_name, repository] : state_.fleet.repositories) {
    bool used = false;
    for (const auto& maintenance : maintenance_table()) {
      if (repository.*maintenance.schedule != name) continue;
      (repository.*maintenance.schedule).clear();
      used = true;
    }
    if (used) out_.publisher.object_changed(ObjectKind::repository, repository_name);
  }
}

void Manager::remove(ObjectKind kind, const std::string& name, bool force, Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  auto removed = [this, kind, name, done = std::move(done)](Expected<std::vector<Policy>> policies) {
    if (!policies) return done(std::unexpected(policies.error()));
    for (auto& policy : *policies) {
      const std::string policy_name = policy.name;
      state_.fleet.policies.insert_or_assign(policy_name, std::move(policy));
      out_.publisher.object_changed(ObjectKind::policy, policy_name);
    }
    switch (kind) {
      case ObjectKind::schedule:
        state_.fleet.schedules.erase(name);
        forget_schedule(name);
        break;
      case ObjectKind::repository:
        state_.fleet.repositories.erase(name);
        break;
      case ObjectKind::client:
        state_.fleet.clients.erase(name);
        break;
      case ObjectKind::policy:
        state_.fleet.policies.erase(name);
        break;
    }
    withdraw_unused_keys("cyborgd");
    // Answer first: the reply's signature is checked against the object on which the method was called.
    refresh_timers([this, kind, name, done](const Expected<void>& refreshed) {
      done(refreshed);
      out_.clock.post([this, kind, name] { out_.publisher.object_changed(kind, name); });
    });
  };
  switch (kind) {
    case ObjectKind::schedule:
      return out_.store.remove_schedule(name, force, std::move(removed));
    case ObjectKind::repository:
      return out_.store.remove_repository(name, force, std::move(removed));
    case ObjectKind::client:
      return out_.store.remove_client(name, force, std::move(removed));
    case ObjectKind::policy:
      return out_.store.remove_policy(name, force, std::move(removed));
  }
}

}  // namespace cyborg
