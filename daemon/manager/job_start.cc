// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/job_start.h"

#include <fmt/format.h>

#include "core/policy_types.h"
#include "manager/job_runner.h"
#include "plan/retention.h"

namespace cyborg {

JobStart::JobStart(const State& state, Outside outside, Job job, Ends ends)
    : state_(state), out_(outside), job_(std::move(job)), ends_(std::move(ends)) {}

void JobStart::begin(const std::optional<std::string>& password, bool has_output) {
  describe(password, has_output);
}

void JobStart::describe(const std::optional<std::string>& password, bool has_output) {
  auto spec = job_spec(state_.fleet, job_);
  if (!spec) return refuse(ResultCode::not_usable, spec.error().message);
  spec_ = *std::move(spec);
  if (spec_.restore.output && !has_output) {
    return refuse(ResultCode::reader_gone,
                  "cyborgd was restarted before it began, and lost where it goes: restore again");
  }
  auto key = out_.secrets.open("server", "", "ssh-key", state_.sealed_ssh_key);
  if (!key) return refuse(ResultCode::secret, key.error().message);
  credentials_["ssh-key"] = std::move(*key);
  if (password) {
    credentials_["password"] = *password;
    spec_.ssh_public_key = state_.ssh_public_key;
  }
  add_limits();
  choose_archives();
}

void JobStart::add_limits() {
  if (job_.kind == JobKind::catalog) {
    credentials_["database"] = out_.paths.database;
    spec_.database_remote = out_.paths.database_remote;
    spec_.catalog_budget = setting_size(state_.settings, "catalog_budget");
  }
  if (job_.kind == JobKind::verify) {
    spec_.sample_files = setting_number(state_.settings, "verify_files");
    spec_.sample_bytes = setting_size(state_.settings, "verify_bytes");
  }
}

// Chooses the archives that a prune removes, or the newest archive for a verification.
void JobStart::choose_archives() {
  if (job_.kind == JobKind::verify && job_.archive.empty())
    return ask_series("", &JobStart::choose_newest_of);
  if (job_.kind != JobKind::prune) return add_passphrase();
  const auto policy = state_.fleet.policies.find(job_.policy);
  const bool by_name = job_.details.isMember("archives");
  if (!by_name && policy == state_.fleet.policies.end())
    return refuse(ResultCode::not_usable, fmt::format("policy {} was removed", job_.policy));
  std::string zone;
  if (policy != state_.fleet.policies.end()) {
    keep_ = retention_of(policy->second, job_.client);
    if (const auto schedule = state_.fleet.schedules.find(policy->second.schedule);
        schedule != state_.fleet.schedules.end()) {
      zone = schedule->second.timezone;
    }
  }
  ask_series(zone, &JobStart::choose_removals_of);
}

void JobStart::choose_removals_of(const store::Series& series) {
  const std::int64_t minimum = setting_number(state_.settings, "keep_minimum");
  auto chosen = choose_removals(job_, keep_, series.archives, series.last_backup, out_.clock.now(), minimum);
  if (!chosen) return refuse(ResultCode::not_usable, chosen.error().message);
  spec_.remove = std::move(chosen->names);
  spec_.remove_ids = std::move(chosen->ids);
  spec_.keep_ids = std::move(chosen->kept_ids);
  add_passphrase();
}

void JobStart::choose_newest_of(const store::Series& series) {
  if (series.archives.empty()) {
    return refuse(ResultCode::archive_missing,
                  fmt::format("there is no archive of policy {} and {} in repository {}", job_.policy,
                              job_.client, job_.repository));
  }
  spec_.archive = series.archives.front().name;
  add_passphrase();
}

void JobStart::add_passphrase() {
  if (job_.borg_url.empty() || traits_of(job_.kind).passphrases == Passphrases::none) return ends_.ready();
  ask_secret("passphrase", store::passphrase_key(job_.borg_url), "passphrase", &JobStart::add_new_passphrase);
}

void JobStart::add_new_passphrase() {
  if (traits_of(job_.kind).passphrases != Passphrases::current_and_new) return add_database_password();
  // Encrypted for the same place as the other, which it may replace.
  ask_secret("new-passphrase", store::new_passphrase_key(job_.borg_url), "passphrase",
             &JobStart::add_database_password);
}

void JobStart::add_database_password() {
  if (!spec_.dump || !spec_.dump.source().secret) return ends_.ready();
  const auto key = store::policy_password_key(spec_.policy);
  ask_secret("database-password", key, key.field, nullptr);
}

void JobStart::ask_series(const std::string& zone, void (JobStart::*then)(const store::Series&)) {
  out_.store.get_series(job_.policy, job_.client, job_.borg_url, zone,
                        [weak = weak_from_this(), then](const Expected<store::Series>& series) {
                          const auto self = weak.lock();
                          if (!self) return;
                          if (!series) return self->ends_.put_off(series.error());
                          (self.get()->*then)(*series);
                        });
}

void JobStart::ask_secret(const char* name, const store::SecretKey& key, const std::string& field,
                          void (JobStart::*next)()) {
  out_.store.get_secret(key, [weak = weak_from_this(), name, field,
                              next](const Expected<std::optional<store::Secret>>& secret) {
    const auto self = weak.lock();
    if (!self) return;
    if (!secret) return self->ends_.put_off(secret.error());
    if (*secret) {
      auto opened =
          self->out_.secrets.open((*secret)->key.kind, (*secret)->key.owner, field, (*secret)->sealed);
      if (!opened) return self->refuse(ResultCode::secret, opened.error().message);
      self->credentials_[name] = std::move(*opened);
    }
    if (!next) return self->ends_.ready();
    (self.get()->*next)();
  });
}

void JobStart::refuse(ResultCode code, std::string message) {
  ends_.impossible(not_run(code, std::move(message)));
}

}  // namespace cyborg
