#include "manager/job_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "manager/followers.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kRetry{5};
constexpr char kShutdownNote[] = "the job's unit ended without leaving a result";

}  // namespace

JobResult not_run(ResultCode code, std::string message) {
  return make_result(code, std::move(message), JobState::error);
}

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

void JobRunner::remember_output(std::int64_t job, Descriptor output) {
  outputs_.insert_or_assign(job, std::move(output));
}

void JobRunner::wake() {
  out_.clock.after("queue", std::chrono::milliseconds{0}, [this] { start_ready(); });
}

void JobRunner::start_ready() {
  // Without the database an end could not be recorded, so nothing new begins.
  if (!state_.writable()) return;
  const QueueLimits limits{
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

void JobRunner::started(std::int64_t id, const Expected<void>& result) {
  const auto job = state_.unfinished.find(id);
  if (job == state_.unfinished.end() || finishing_.contains(id)) return;
  if (!result) {
    if (result.error().code == ErrorCode::unavailable) {
      set_state(id, JobState::pending, result.error().message);
      return retry_later("start jobs");
    }
    return finish(id, not_run(ResultCode::unit, result.error().message));
  }
  passwords_.erase(id);
  outputs_.erase(id);
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
  out_.log.job_moved(job);
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
    finish(id, make_result(ResultCode::canceled, "canceled before it ran"));
    return done({});
  }
  if (state == JobState::starting) return done({});  // started() or launch() sees to it
  out_.systemd.stop_job(id, std::move(done));
}

JobResult JobRunner::result_of(std::int64_t id, const std::optional<JobResult>& left,
                               const std::string& service_result) const {
  if (left && service_result != "timeout") return *left;
  JobResult result = make_result(ResultCode::interrupted, kShutdownNote);
  if (service_result == "timeout") {
    result.code = ResultCode::timeout;
    result.message =
        fmt::format("stopped after its time limit of {} s", timeout_of(state_.unfinished.at(id)).count());
  } else if (service_result == "oom-kill") {
    result.code = ResultCode::out_of_memory;
    result.message = "killed because memory ran out";
  } else {
    if (!service_result.empty()) result.message += fmt::format(" ({})", service_result);
    // Whoever cannot write a result cannot say why.
    if (const std::string full = out_.files.full_directory(); !full.empty()) {
      result.code = ResultCode::state_directory;
      result.message += fmt::format(": there is no space left in {}", full);
    }
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
  const RetryPolicy limits{setting_number(state_.settings, "retry_attempts"),
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
  if (on_imported && !done.imported.empty()) on_imported(done.imported);
  if (on_finished) on_finished();
  wake();
}

void JobRunner::ended(Job job) {
  const std::int64_t id = job.id;
  const bool known = state_.unfinished.erase(id) > 0;
  updates_.erase(id);
  canceling_.erase(id);
  passwords_.erase(id);
  outputs_.erase(id);
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
