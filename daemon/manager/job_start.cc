// JobRunner: what a job is told before its unit starts, one question to the database after the other.
#include <fmt/format.h>
#include <json/writer.h>

#include "manager/job_runner.h"

namespace cyborg {
namespace {

std::string compact_json(const Json::Value& json) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  return Json::writeString(builder, json);
}

}  // namespace

void JobRunner::start(const Job& job) {
  const std::int64_t id = job.id;
  auto spec = job_spec(state_.fleet, job);
  if (!spec) return finish(id, not_run(ResultCode::not_usable, spec.error().message));
  if (spec->restore.output && !outputs_.contains(id)) {
    return finish(id,
                  not_run(ResultCode::reader_gone,
                          "cyborgd was restarted before it began, and lost where it goes: restore again"));
  }
  std::map<std::string, std::string> credentials;
  auto key = out_.secrets.open("server", "", "ssh-key", state_.sealed_ssh_key);
  if (!key) return finish(id, not_run(ResultCode::secret, key.error().message));
  credentials["ssh-key"] = std::move(*key);
  if (const auto password = passwords_.find(id); password != passwords_.end()) {
    // Kept until it was started, which may have to be tried again.
    credentials["password"] = password->second;
    spec->ssh_public_key = state_.ssh_public_key;
  }
  if (job.kind == JobKind::catalog) {
    credentials["database"] = paths_.database;
    spec->database_remote = paths_.database_remote;
    spec->catalog_budget = setting_size(state_.settings, "catalog_budget");
  }
  if (job.kind == JobKind::verify) {
    spec->sample_files = setting_number(state_.settings, "verify_files");
    spec->sample_bytes = setting_size(state_.settings, "verify_bytes");
  }
  set_state(id, JobState::starting, "");
  if (job.kind == JobKind::verify && job.archive.empty())
    return choose_newest(id, *std::move(spec), std::move(credentials));
  if (job.kind == JobKind::prune) return choose_archives(id, *std::move(spec), std::move(credentials));
  add_passphrase(id, *std::move(spec), std::move(credentials));
}

void JobRunner::choose_archives(std::int64_t id, JobSpec spec,
                                std::map<std::string, std::string> credentials) {
  const Job& job = state_.unfinished.at(id);
  const auto policy = state_.fleet.policies.find(job.policy);
  const bool by_name = job.details.isMember("archives");
  if (!by_name && policy == state_.fleet.policies.end()) {
    return finish(id, not_run(ResultCode::not_usable, fmt::format("policy {} was removed", job.policy)));
  }
  std::string zone;
  Retention keep;
  if (policy != state_.fleet.policies.end()) {
    keep = retention_of(policy->second, job.client);
    if (const auto schedule = state_.fleet.schedules.find(policy->second.schedule);
        schedule != state_.fleet.schedules.end()) {
      zone = schedule->second.timezone;
    }
  }
  out_.store.get_series(job.policy, job.client, job.borg_url, zone,
                        [this, id, keep, spec = std::move(spec), credentials = std::move(credentials)](
                            const Expected<store::Series>& series) mutable {
                          if (!state_.unfinished.contains(id)) return;
                          // The database went away: it stays in the queue.
                          if (!series) return set_state(id, JobState::pending, series.error().message);
                          const Job& prune = state_.unfinished.at(id);
                          const std::int64_t minimum = setting_number(state_.settings, "keep_minimum");
                          auto chosen = choose_removals(prune, keep, series->archives, series->last_backup,
                                                        out_.clock.now(), minimum);
                          if (!chosen)
                            return finish(id, not_run(ResultCode::not_usable, chosen.error().message));
                          spec.remove = std::move(chosen->names);
                          spec.remove_ids = std::move(chosen->ids);
                          spec.keep_ids = std::move(chosen->kept_ids);
                          add_passphrase(id, std::move(spec), std::move(credentials));
                        });
}

void JobRunner::choose_newest(std::int64_t id, JobSpec spec, std::map<std::string, std::string> credentials) {
  const Job& job = state_.unfinished.at(id);
  out_.store.get_series(
      job.policy, job.client, job.borg_url, "",
      [this, id, spec = std::move(spec),
       credentials = std::move(credentials)](const Expected<store::Series>& series) mutable {
        if (!state_.unfinished.contains(id)) return;
        if (!series) return set_state(id, JobState::pending, series.error().message);
        Job& chosen = state_.unfinished.at(id);
        if (series->archives.empty()) {
          return finish(id, not_run(ResultCode::archive_missing,
                                    fmt::format("there is no archive of policy {} and {} in "
                                                "repository {}",
                                                chosen.policy, chosen.client, chosen.repository)));
        }
        // Another attempt takes the same.
        chosen.archive = series->archives.front().name;
        updates_[id].id = id;
        updates_[id].archive = chosen.archive;
        spec.archive = chosen.archive;
        add_passphrase(id, std::move(spec), std::move(credentials));
      });
}

void JobRunner::add_passphrase(std::int64_t id, JobSpec spec,
                               std::map<std::string, std::string> credentials) {
  const std::string url = state_.unfinished.at(id).borg_url;
  const Passphrases needed = traits_of(spec.kind).passphrases;
  if (url.empty() || needed == Passphrases::none) return launch(id, spec, std::move(credentials));
  with_secret(id, "passphrase", store::passphrase_key(url), std::move(credentials),
              [this, id, url, needed, spec = std::move(spec)](std::map<std::string, std::string> known) {
                if (needed != Passphrases::current_and_new) {
                  return add_database_password(id, spec, std::move(known));
                }
                with_secret(id, "new-passphrase", store::new_passphrase_key(url), std::move(known),
                            [this, id, spec](std::map<std::string, std::string> all) {
                              launch(id, spec, std::move(all));
                            });
              });
}

// A new passphrase is sealed as the other.
void JobRunner::with_secret(std::int64_t id, const char* name, const store::SecretKey& key,
                            std::map<std::string, std::string> credentials,
                            std::function<void(std::map<std::string, std::string>)> then) {
  const std::string field = key.field == "new-passphrase" ? "passphrase" : key.field;
  out_.store.get_secret(
      key, [this, id, name, field, credentials = std::move(credentials),
            then = std::move(then)](const Expected<std::optional<store::Secret>>& secret) mutable {
        if (!state_.unfinished.contains(id)) return;
        // Away again: it stays in the queue.
        if (!secret) return set_state(id, JobState::pending, secret.error().message);
        if (*secret) {
          auto opened =
              out_.secrets.open((*secret)->key.kind, (*secret)->key.owner, field, (*secret)->sealed);
          if (!opened) return finish(id, not_run(ResultCode::secret, opened.error().message));
          credentials[name] = std::move(*opened);
        }
        then(std::move(credentials));
      });
}

void JobRunner::add_database_password(std::int64_t id, const JobSpec& spec,
                                      std::map<std::string, std::string> credentials) {
  if (!spec.dump || !spec.dump.source().secret) return launch(id, spec, std::move(credentials));
  with_secret(id, "database-password", store::policy_password_key(spec.policy), std::move(credentials),
              [this, id, spec](std::map<std::string, std::string> all) { launch(id, spec, std::move(all)); });
}

void JobRunner::launch(std::int64_t id, const JobSpec& spec, std::map<std::string, std::string> credentials) {
  if (canceling_.contains(id)) {
    return finish(id, make_result(ResultCode::canceled, "canceled before it ran"));
  }
  credentials["spec"] = compact_json(to_json(spec));
  JobUnitOptions options{paths_, timeout_of(state_.unfinished.at(id)), {}, {}};
  if (const auto output = outputs_.find(id); output != outputs_.end()) options.input = output->second;
  for (const auto& [name, content] : credentials) options.credentials.push_back(name);
  out_.systemd.start_job(job_unit(spec, options), std::move(credentials),
                         [this, id](const Expected<void>& result) { started(id, result); });
}

}  // namespace cyborg
