#include "manager/job_runner.h"

#include <fmt/format.h>
#include <json/writer.h>

#include <algorithm>

#include "core/policy_types.h"
#include "manager/followers.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kRetry{5};
constexpr char kShutdownNote[] = "the job's unit ended without leaving a result";

JobResult not_run(std::string code, std::string message) {
  JobResult result;
  result.state = JobState::error;
  result.code = std::move(code);
  result.message = std::move(message);
  return result;
}

std::string compact_json(const Json::Value& json) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  return Json::writeString(builder, json);
}

}  // namespace

JobRunner::JobRunner(State& state, Followers& followers, Outside outside, Paths paths)
    : state_(state), followers_(followers), out_(outside), paths_(std::move(paths)) {
  out_.systemd.on_job_ended = [this](std::int64_t job, const std::string& service_result) {
    take_in(job, service_result);
  };
  out_.files.on_output = [this](std::int64_t job) { followers_.wake(job); };
  out_.files.on_progress = [this](std::int64_t job, const Progress& progress) {
    if (!state_.unfinished.contains(job)) return;
    state_.progress[job] = progress;
    out_.publisher.job_progress(job);
  };
}

std::size_t JobRunner::live_jobs() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      state_.unfinished, [](const auto& entry) { return is_live(entry.second.state); }));
}

void JobRunner::enqueue(std::vector<Job> jobs) {
  for (auto& job : jobs) {
    const std::int64_t id = job.id;
    if (is_ended(job.state)) {
      ended(std::move(job));
      continue;
    }
    state_.unfinished.insert_or_assign(id, std::move(job));
    out_.publisher.job_changed(id);
  }
  wake();
}

void JobRunner::remember_password(std::int64_t job, std::string password) {
  passwords_.insert_or_assign(job, std::move(password));
}

void JobRunner::wake() {
  out_.clock.after("queue", std::chrono::milliseconds{0}, [this] { start_ready(); });
}

void JobRunner::start_ready() {
  // Without the database an end could not be recorded, so nothing new begins.
  if (!state_.writable()) return;
  const Limits limits{
      static_cast<std::size_t>(setting_number(state_.settings, "max_jobs")),
      static_cast<std::size_t>(setting_number(state_.settings, "max_jobs_per_repository_host")),
      out_.clock.now()};
  const Decision decision = decide(state_.unfinished, limits);
  for (const auto& [id, reason] : decision.reasons) {
    if (state_.unfinished.at(id).reason != reason) set_state(id, JobState::pending, reason);
  }
  for (const std::int64_t id : decision.start) start(state_.unfinished.at(id));
  wake_for_retries(limits.now);
}

void JobRunner::wake_for_retries(Microseconds now) {
  Microseconds first = 0;
  for (const auto& [id, job] : state_.unfinished) {
    const Microseconds at = not_before(job);
    if (job.state == JobState::pending && at > now && (first == 0 || at < first)) first = at;
  }
  if (first == 0) return;
  const auto delay = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds{first - now});
  out_.clock.after("retries", delay, [this] { wake(); });
}

std::chrono::seconds JobRunner::timeout_of(const Job& job) const {
  const auto policy = state_.fleet.policies.find(job.policy);
  if (job.kind == JobKind::backup && policy != state_.fleet.policies.end() &&
      policy->second.timeout_seconds.count() > 0) {
    return policy->second.timeout_seconds;
  }
  return setting_span(state_.settings, "job_timeout");
}

void JobRunner::start(const Job& job) {
  const std::int64_t id = job.id;
  auto spec = job_spec(state_.fleet, job);
  if (!spec) return finish(id, not_run("not-usable", spec.error().message));
  std::map<std::string, std::string> credentials;
  auto key = out_.secrets.open("server", "", "ssh-key", state_.sealed_ssh_key);
  if (!key) return finish(id, not_run("secret", key.error().message));
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
    return finish(id, not_run("not-usable", fmt::format("policy {} was removed", job.policy)));
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
                          if (!chosen) return finish(id, not_run("not-usable", chosen.error().message));
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
          return finish(
              id, not_run("archive-missing", fmt::format("there is no archive of policy {} and {} in "
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
  const bool needless = spec.kind == JobKind::withdraw;
  if (url.empty() || needless) return launch(id, spec, std::move(credentials));
  out_.store.get_secret(store::passphrase_key(url),
                        [this, id, url, spec = std::move(spec), credentials = std::move(credentials)](
                            Expected<std::optional<store::Secret>> secret) mutable {
                          if (!state_.unfinished.contains(id)) return;
                          // Away again: it stays in the queue.
                          if (!secret) return set_state(id, JobState::pending, secret.error().message);
                          if (*secret) {
                            auto passphrase =
                                out_.secrets.open("borg-repository", url, "passphrase", (*secret)->sealed);
                            if (!passphrase) return finish(id, not_run("secret", passphrase.error().message));
                            credentials["passphrase"] = std::move(*passphrase);
                          }
                          add_database_password(id, spec, std::move(credentials));
                        });
}

void JobRunner::add_database_password(std::int64_t id, const JobSpec& spec,
                                      std::map<std::string, std::string> credentials) {
  if (!takes_password(spec.dump.type)) return launch(id, spec, std::move(credentials));
  out_.store.get_secret(store::policy_password_key(spec.policy),
                        [this, id, spec, credentials = std::move(credentials)](
                            Expected<std::optional<store::Secret>> secret) mutable {
                          if (!state_.unfinished.contains(id)) return;
                          if (!secret) return set_state(id, JobState::pending, secret.error().message);
                          if (*secret) {
                            const auto& [kind, owner, field] = (*secret)->key;
                            auto password = out_.secrets.open(kind, owner, field, (*secret)->sealed);
                            if (!password) return finish(id, not_run("secret", password.error().message));
                            credentials["database-password"] = std::move(*password);
                          }
                          launch(id, spec, std::move(credentials));
                        });
}

void JobRunner::launch(std::int64_t id, const JobSpec& spec, std::map<std::string, std::string> credentials) {
  if (canceling_.contains(id)) {
    JobResult result = not_run("canceled", "canceled before it ran");
    result.state = JobState::canceled;
    return finish(id, result);
  }
  credentials["spec"] = compact_json(to_json(spec));
  JobUnitOptions options{paths_, timeout_of(state_.unfinished.at(id)), {}};
  for (const auto& [name, content] : credentials) options.credentials.push_back(name);
  out_.systemd.start_job(job_unit(spec, options), std::move(credentials),
                         [this, id](const Expected<void>& result) { started(id, result); });
}

void JobRunner::started(std::int64_t id, const Expected<void>& result) {
  const auto job = state_.unfinished.find(id);
  if (job == state_.unfinished.end() || finishing_.contains(id)) return;
  if (!result) {
    if (result.error().code == ErrorCode::unavailable) {
      set_state(id, JobState::pending, result.error().message);
      return retry_later("start jobs");
    }
    return finish(id, not_run("unit", result.error().message));
  }
  passwords_.erase(id);
  followers_.set_spooled(id, true);
  out_.files.watch(id);
  job->second.started = out_.clock.now();
  updates_[id].started = job->second.started;
  set_state(id, JobState::running, "");
  out_.log.job_started(job->second);
  if (canceling_.contains(id)) out_.systemd.stop_job(id, [](const Expected<void>&) {});
}

void JobRunner::set_state(std::int64_t id, JobState state, std::string reason) {
  Job& job = state_.unfinished.at(id);
  job.state = state;
  job.reason = std::move(reason);
  out_.publisher.job_changed(id);
  // "starting" is over in a moment, and what became of it is read from the unit: not worth a transaction.
  if (state == JobState::starting) return;
  store::JobUpdate& update = updates_[id];
  update.id = id;
  update.state = state;
  update.reason = job.reason;
  if (state == JobState::running) update.unit = job_unit_name(id);
  out_.clock.after("job updates", std::chrono::milliseconds{20}, [this] { flush_updates(); });
}

void JobRunner::flush_updates() {
  if (updates_.empty()) return;
  std::vector<store::JobUpdate> batch;
  for (auto& [id, update] : updates_) batch.push_back(std::move(update));
  updates_.clear();
  out_.store.update_jobs(batch, [this, batch](const Expected<std::vector<std::int64_t>>& result) {
    if (result) return;
    // They say where a job stands, and it may stand elsewhere by now: only what nothing newer replaced comes
    // back.
    for (const auto& update : batch) {
      if (state_.unfinished.contains(update.id)) updates_.try_emplace(update.id, update);
    }
    out_.clock.after("job updates", kRetry, [this] { flush_updates(); });
  });
}

void JobRunner::cancel(std::int64_t id, Done<void> done) {
  const auto found = state_.unfinished.find(id);
  if (found == state_.unfinished.end()) {
    return done(fail(ErrorCode::job_not_cancelable, fmt::format("job {} has ended", id)));
  }
  if (auto writable = state_.writable(); !writable) return done(writable);
  const JobState state = found->second.state;
  canceling_.insert(id);
  if (state == JobState::waiting || state == JobState::pending) {
    JobResult result = not_run("canceled", "canceled before it ran");
    result.state = JobState::canceled;
    finish(id, result);
    return done({});
  }
  if (state == JobState::starting) return done({});  // started() or launch() sees to it
  out_.systemd.stop_job(id, std::move(done));
}

JobResult JobRunner::result_of(std::int64_t id, const std::optional<JobResult>& left,
                               const std::string& service_result) const {
  if (left && service_result != "timeout") return *left;
  JobResult result;
  result.state = JobState::failed;
  result.code = "interrupted";
  result.message = kShutdownNote;
  if (service_result == "timeout") {
    result.code = "timeout";
    result.message =
        fmt::format("stopped after its time limit of {} s", timeout_of(state_.unfinished.at(id)).count());
  } else if (service_result == "oom-kill") {
    result.code = "out-of-memory";
    result.message = "killed because memory ran out";
  } else if (!service_result.empty()) {
    result.message += fmt::format(" ({})", service_result);
  }
  return result;
}

void JobRunner::take_in(std::int64_t id, const std::string& service_result) {
  if (!state_.unfinished.contains(id) || finishing_.contains(id)) return;
  const auto left = out_.files.read_result(id);
  if (!left) out_.log.trouble(fmt::format("job {}: its result cannot be read: {}", id, left.error().message));
  const Job& job = state_.unfinished.at(id);
  // It waits for its next attempt, since before cyborgd was started.
  if (left && !*left && job.state == JobState::pending && attempt_of(job) > 0) return;
  const JobResult result = result_of(id, left.value_or(std::nullopt), service_result);
  const RetryLimits limits{setting_number(state_.settings, "retry_attempts"),
                           setting_span(state_.settings, "retry_delay"),
                           setting_span(state_.settings, "retry_longest_delay")};
  const auto retry = canceling_.contains(id) ? std::nullopt : retry_of(job, result, limits, out_.clock.now());
  if (retry) return postpone(id, *retry);
  finish(id, result);
}

void JobRunner::postpone(std::int64_t id, const Retry& retry) {
  finishing_.insert(id);
  store::JobUpdate update;
  update.id = id;
  update.state = JobState::pending;
  update.reason = retry.reason;
  update.details = retry.details;
  out_.store.update_jobs({update}, [this, id, retry](const Expected<std::vector<std::int64_t>>& stored) {
    if (!stored) {
      // Its result stays where it is until the database knows of the next attempt.
      return out_.clock.after(fmt::format("postpone {}", id), kRetry,
                              [this, id, retry] { postpone(id, retry); });
    }
    finishing_.erase(id);
    out_.files.clear_result(id);
    out_.systemd.forget_job(id);
    Job& job = state_.unfinished.at(id);
    job.details = retry.details;
    job.state = JobState::pending;
    job.reason = retry.reason;
    updates_.erase(id);
    out_.publisher.job_changed(id);
    out_.log.trouble(fmt::format("job {} ({} of {}): {}", id, to_string(job.kind), job.client, retry.reason));
    wake();
  });
}

void JobRunner::finish(std::int64_t id, const JobResult& result) {
  finishing_.insert(id);
  out_.store.finish_job(id, result, 0, [this, id, result](Expected<store::FinishedJob> stored) {
    if (stored) {
      finishing_.erase(id);
      return finished(*stored);
    }
    if (stored.error().code != ErrorCode::unavailable) {
      out_.log.trouble(fmt::format("job {}: its end cannot be recorded: {}", id, stored.error().message));
    }
    // The result stays where it is until the database has it.
    out_.clock.after(fmt::format("finish {}", id), kRetry, [this, id, result] { finish(id, result); });
  });
}

void JobRunner::apply_facts(const store::FinishedJob& done) {
  if (done.client && state_.fleet.clients.contains(done.client->name)) {
    state_.fleet.clients.insert_or_assign(done.client->name, *done.client);
    out_.publisher.object_changed(ObjectKind::client, done.client->name);
  }
  if (done.borg_repository) {
    state_.fleet.borg_repositories.insert_or_assign(done.borg_repository->url, *done.borg_repository);
    out_.publisher.object_changed(ObjectKind::repository, done.borg_repository->repository);
  }
  if (done.repository && state_.fleet.repositories.contains(done.repository->name)) {
    state_.fleet.repositories.insert_or_assign(done.repository->name, *done.repository);
    out_.publisher.object_changed(ObjectKind::repository, done.repository->name);
  }
}

void JobRunner::finished(const store::FinishedJob& done) {
  apply_facts(done);
  const std::int64_t id = done.job.id;
  out_.files.unwatch(id);
  out_.systemd.forget_job(id);
  ended(done.job);
  for (const auto& dependant : done.dependants) {
    if (is_ended(dependant.state)) {
      ended(dependant);
    } else {
      state_.unfinished.insert_or_assign(dependant.id, dependant);
      out_.publisher.job_changed(dependant.id);
    }
  }
  archive_output(id);
  wake();
}

void JobRunner::ended(Job job) {
  const std::int64_t id = job.id;
  const bool known = state_.unfinished.erase(id) > 0;
  updates_.erase(id);
  canceling_.erase(id);
  passwords_.erase(id);
  if (!known && state_.recent.contains(id)) return;
  state_.recent.insert_or_assign(id, std::move(job));
  out_.publisher.job_changed(id);
  out_.publisher.job_ended(id);
  out_.log.job_ended(state_.recent.at(id));
  followers_.wake(id);
  const auto keep = setting_span(state_.settings, "recent_jobs");
  out_.clock.after(fmt::format("forget {}", id), keep, [this, id] {
    state_.recent.erase(id);
    state_.progress.erase(id);
    out_.publisher.job_forgotten(id);
  });
}

void JobRunner::archive_output(std::int64_t id) {
  if (archiving_.contains(id)) return;
  archiving_.insert(id);
  out_.store.append_output(
      id, out_.files.output_path(id), true, [this, id](const Expected<std::int64_t>& lines) {
        archiving_.erase(id);
        if (!lines) {
          return out_.clock.after(fmt::format("output {}", id), kRetry, [this, id] { archive_output(id); });
        }
        followers_.set_spooled(id, false);
        out_.files.remove(id);
        followers_.wake(id);
      });
}

void JobRunner::retry_later(const char* what) {
  out_.clock.after(what, kRetry, [this] { wake(); });
}

void JobRunner::reconcile() {
  // Only those that were running before systemd was asked can have vanished by its answer.
  std::set<std::int64_t> suspects;
  const auto directories = out_.files.list();
  for (const std::int64_t id : directories) followers_.set_spooled(id, true);
  for (const auto& [id, job] : state_.unfinished) {
    // Whoever has a state directory was started; so was whoever is said to run.
    const bool begun =
        job.state == JobState::running || (followers_.is_spooled(id) && job.state != JobState::starting);
    if (begun && !finishing_.contains(id)) suspects.insert(id);
  }
  out_.systemd.list_jobs([this, suspects = std::move(suspects)](const Expected<std::vector<JobUnit>>& units) {
    if (!units) {
      out_.log.trouble("systemd does not say which jobs run: " + units.error().message);
      return out_.clock.after("reconcile", kRetry, [this] { reconcile(); });
    }
    adopt(suspects, *units);
    wake();
  });
}

void JobRunner::adopt(const std::set<std::int64_t>& suspects, const std::vector<JobUnit>& units) {
  std::set<std::int64_t> alive;
  for (const auto& [id, has_ended, service_result] : units) {
    const auto job = state_.unfinished.find(id);
    if (has_ended) {
      // One whose end was recorded already was not forgotten yet.
      if (job == state_.unfinished.end()) out_.systemd.forget_job(id);
      if (suspects.contains(id)) take_in(id, service_result);
      continue;
    }
    alive.insert(id);
    if (job == state_.unfinished.end() || job->second.state == JobState::starting) continue;
    followers_.set_spooled(id, true);
    out_.files.watch(id);
    if (job->second.state != JobState::running) set_state(id, JobState::running, "");
  }
  for (const std::int64_t id : suspects) {
    if (!alive.contains(id)) take_in(id, "");
  }
  for (const std::int64_t id : out_.files.list()) {
    if (!state_.unfinished.contains(id) && !alive.contains(id)) archive_output(id);
  }
}

}  // namespace cyborg
