// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/manager.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "plan/maintenance.h"

namespace cyborg {

Manager::Manager(Outside outside, Paths paths)
    : out_(outside),
      followers_(state_, out_.store, out_.files, out_.clock, out_.publisher),
      runner_(state_, followers_, outside, std::move(paths)) {
  runner_.on_finished = [this] { tidy_history(); };
  runner_.on_lost = [this] { synchronise(); };
  runner_.on_imported = [this](const std::vector<store::Archive>& archives) { catalog_imported(archives); };
}

void Manager::on_availability(bool available, const std::string& reason) {
  state_.available = available;
  state_.unavailable_reason = reason;
  out_.log.database(available, reason);
  out_.publisher.manager_changed();
  if (available) synchronise();
}

// Also after a mere interruption: a transaction whose COMMIT got no answer may have taken effect.
void Manager::synchronise() {
  out_.store.load([this](Expected<store::Snapshot> snapshot) {
    if (!snapshot) {
      if (state_.available)
        out_.clock.after("synchronise", std::chrono::seconds{5}, [this] { synchronise(); });
      return;
    }
    take_snapshot(std::move(*snapshot));
    ensure_ssh_key([this](const Expected<void>& kept) {
      if (!kept) {
        out_.log.trouble("the server's ssh key is not there: " + kept.error().message);
        return out_.clock.after("synchronise", std::chrono::seconds{5}, [this] { synchronise(); });
      }
      const bool first = !state_.loaded;
      state_.loaded = true;
      if (on_loaded) on_loaded();
      out_.publisher.manager_changed();
      refresh_timers([](const Expected<void>&) {});
      runner_.reconcile();
      if (first) withdraw_unused_keys("cyborgd");
    });
  });
}

namespace {

// Replaces the old objects by the new; returns the names of all that the bus has to update.
template <typename T>
std::vector<std::string> replace_all(std::map<std::string, T>& objects, std::vector<T> loaded) {
  std::vector<std::string> names;
  for (const auto& [name, object] : objects) names.push_back(name);
  objects.clear();
  for (auto& object : loaded) {
    std::string name = object.name;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    objects.emplace(std::move(name), std::move(object));
  }
  return names;
}

}  // namespace

void Manager::take_snapshot(store::Snapshot snapshot) {
  Fleet& fleet = state_.fleet;
  const auto schedules = replace_all(fleet.schedules, std::move(snapshot.schedules));
  const auto repositories = replace_all(fleet.repositories, std::move(snapshot.repositories));
  const auto clients = replace_all(fleet.clients, std::move(snapshot.clients));
  const auto policies = replace_all(fleet.policies, std::move(snapshot.policies));
  fleet.borg_repositories.clear();
  for (auto& one : snapshot.borg_repositories) {
    std::string url = one.url;
    fleet.borg_repositories.emplace(std::move(url), std::move(one));
  }
  state_.settings = std::move(snapshot.settings);
  if (snapshot.ssh_key) {
    state_.ssh_public_key = snapshot.ssh_key->public_part;
    state_.sealed_ssh_key = snapshot.ssh_key->sealed;
  }
  for (const auto& name : schedules) out_.publisher.object_changed(ObjectKind::schedule, name);
  for (const auto& name : repositories) out_.publisher.object_changed(ObjectKind::repository, name);
  for (const auto& name : clients) out_.publisher.object_changed(ObjectKind::client, name);
  for (const auto& name : policies) out_.publisher.object_changed(ObjectKind::policy, name);
  runner_.take_stored(std::move(snapshot.jobs));
}

void Manager::ensure_ssh_key(Then<void> done) {
  if (!state_.sealed_ssh_key.empty()) return done({});
  auto pair = out_.secrets.make_ssh_key();
  if (!pair) return done(std::unexpected(pair.error()));
  auto sealed = out_.secrets.seal("server", "", "ssh-key", pair->private_key);
  if (!sealed) return done(std::unexpected(sealed.error()));
  store::Secret secret{store::kServerSshKey, std::move(*sealed), pair->public_line};
  out_.store.put_secret_if_absent(std::move(secret),
                                  [this, done = std::move(done)](Expected<store::Secret> kept) {
                                    if (!kept) return done(std::unexpected(kept.error()));
                                    state_.ssh_public_key = kept->public_part;
                                    state_.sealed_ssh_key = kept->sealed;
                                    done({});
                                  });
}

void Manager::refresh_timers(Then<void> done) {
  std::map<std::string, std::string> timers;
  for (const auto& [name, policy] : state_.fleet.policies) {
    const auto schedule = state_.fleet.schedules.find(policy.schedule);
    if (schedule == state_.fleet.schedules.end() || !unusable_reason(state_.fleet, policy).empty()) continue;
    timers.emplace(timer_unit_name("policy", name), timer_unit_file("policy", name, schedule->second));
  }
  for (const auto& [name, repository] : state_.fleet.repositories) {
    for (const auto& maintenance : maintenance_table()) {
      const Schedule* schedule = maintenance_schedule(state_.fleet, repository, maintenance);
      if (!schedule) continue;
      const char* what = to_string(maintenance.kind);
      timers.emplace(timer_unit_name(what, name), timer_unit_file(what, name, *schedule));
    }
  }
  out_.systemd.set_timers(std::move(timers), [this, done = std::move(done)](const Expected<void>& set) {
    if (!set) {
      // The objects are stored; the timers are written as soon as systemd can be reached.
      out_.log.trouble("the timers could not be written: " + set.error().message);
      out_.clock.after("timers", std::chrono::seconds{10},
                       [this] { refresh_timers([](const Expected<void>&) {}); });
    }
    done({});
  });
}

namespace {

bool depends_on(const Policy& policy, ObjectKind kind, const std::string& name) {
  switch (kind) {
    case ObjectKind::schedule:
      return policy.schedule == name;
    case ObjectKind::repository:
      return std::ranges::find(policy.repositories, name) != policy.repositories.end();
    case ObjectKind::client:
      return std::ranges::find(policy.clients, name) != policy.clients.end();
    case ObjectKind::policy:
      return false;
  }
  return false;
}

}  // namespace

// Announces a changed object and its dependants on the bus.
void Manager::changed(ObjectKind kind, const std::string& name) {
  out_.publisher.object_changed(kind, name);
  for (const auto& [policy_name, policy] : state_.fleet.policies) {
    if (depends_on(policy, kind, name)) out_.publisher.object_changed(ObjectKind::policy, policy_name);
  }
}

std::string Manager::timestamp() const {
  const auto seconds = static_cast<std::time_t>(out_.clock.now() / 1'000'000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

std::vector<Json::Value> Manager::list_settings() const {
  std::vector<Json::Value> rows;
  for (const auto& info : setting_table()) {
    Json::Value row{Json::objectValue};
    row["name"] = std::string{info.name};
    row["value"] = setting_text(state_.settings, info.name);
    row["default"] = std::string{info.default_value};
    row["type"] = std::string{info.type};
    row["description"] = std::string{info.description};
    rows.push_back(std::move(row));
  }
  return rows;
}

void Manager::set_setting(const std::string& name, const std::string& value, Done<void> done) {
  done = later(std::move(done));
  if (auto checked = check_setting(name, value); !checked) return done(checked);
  if (auto writable = state_.writable(); !writable) return done(writable);
  out_.store.set_setting(name, value,
                         [this, name, value, done = std::move(done)](const Expected<void>& stored) {
                           if (stored) {
                             if (value.empty()) {
                               state_.settings.erase(name);
                             } else {
                               state_.settings[name] = value;
                             }
                             runner_.wake();
                           }
                           done(stored);
                         });
}

}  // namespace cyborg
