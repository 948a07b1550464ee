// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/job_runner.h"

#include <fmt/format.h>
#include <json/writer.h>

#include <algorithm>

#include "manager/followers.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kRetry{5};

std::string compact_json(const Json::Value& json) {
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  return Json::writeString(builder, json);
}

}  // namespace

JobResult not_run(ResultCode code, std::string message) {
  return make_result(code, std::move(message), JobState::error);
}

// In a version 4 UUID, the part before the version is random.
std::string new_attempt(Secrets& secrets) {
  std::string job = secrets.random_uuid().substr(0, 13);
  std::erase(job, '-');
  return next_attempt(job, secrets);
}

std::string next_attempt(const std::string& attempt, Secrets& secrets) {
  if (attempt.empty()) return new_attempt(secrets);
  return fmt::format("{}-{}", attempt.substr(0, attempt.find('-')), secrets.random_uuid().substr(0, 8));
}

bool is_same_job(std::string_view attempt, std::string_view other) {
  return !attempt.empty() && attempt.substr(0, attempt.find('-')) == other.substr(0, other.find('-'));
}

JobRunner::JobRunner(State& state, Followers& followers, Outside outside, Paths paths)
    : state_(state), followers_(followers), out_(outside), paths_(std::move(paths)) {
  out_.systemd.on_job_ended = [this](std::int64_t job, const std::string& service_result) {
    unit_ended(job, service_result);
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

JobPhase JobRunner::phase(std::int64_t id) const {
  const auto job = state_.unfinished.find(id);
  if (job == state_.unfinished.end()) return JobPhase::gone;
  if (recording_.contains(id)) return JobPhase::recording;
  if (returning_.contains(id)) return JobPhase::returning;
  if (launching_.contains(id)) return JobPhase::launching;
  if (starts_.contains(id)) return JobPhase::preparing;
  if (job->second.state == JobState::running) return JobPhase::running;
  return job->second.state == JobState::waiting ? JobPhase::waiting : JobPhase::pending;
}

void JobRunner::enqueue(std::vector<Job> jobs) {
  for (auto& job : jobs) {
    if (is_ended(job.state)) {
      retire(std::move(job));
    } else {
      admit(std::move(job));
    }
  }
  wake();
}

// A number is reused if the database lost the job that had it.
void JobRunner::admit(Job job) {
  const std::int64_t id = job.id;
  const auto known = state_.unfinished.find(id);
  if (known != state_.unfinished.end() && known->second.created != job.created)
    drop(id, "the database has another job of that number");
  state_.unfinished.insert_or_assign(id, std::move(job));
  out_.publisher.job_changed(id);
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

void JobRunner::retry_later(const char* what) {
  out_.clock.after(what, kRetry, [this] { wake(); });
}

void JobRunner::start_ready() {
  // Without the database, the end of a job could not be recorded, so start nothing new.
  if (!state_.writable()) return;
  QueueLimits limits{
      static_cast<std::size_t>(setting_number(state_.settings, "max_jobs")),
      static_cast<std::size_t>(setting_number(state_.settings, "max_jobs_per_repository_host")),
      out_.clock.now(),
      {},
      {}};
  for (const auto& [id, result] : recording_) limits.apart.insert(id);
  for (const auto& [id, update] : returning_) limits.apart.insert(id);
  for (const auto& [id, job] : strangers_) {
    limits.apart.insert(id);
    limits.holders.push_back(job);
    const auto namesake = state_.unfinished.find(id);
    const std::string reason =
        fmt::format("{} still runs for a job that the database lost", job_unit_name(id));
    if (namesake != state_.unfinished.end() && phase(id) == JobPhase::pending &&
        namesake->second.reason != reason) {
      set_state(id, JobState::pending, reason);
    }
  }
  for (const std::int64_t id : unseen_) {
    if (phase(id) != JobPhase::pending) continue;
    limits.apart.insert(id);
    limits.holders.push_back(state_.unfinished.at(id));
  }
  const Decision decision = decide(state_.unfinished, limits);
  for (const auto& [id, reason] : decision.reasons) {
    if (state_.unfinished.at(id).reason != reason) set_state(id, JobState::pending, reason);
  }
  for (const std::int64_t id : decision.start) prepare(state_.unfinished.at(id));
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

void JobRunner::prepare(const Job& job) {
  const std::int64_t id = job.id;
  const JobStart::Ends ends{[this, id] { launch(id); },
                            [this, id](JobResult result) { record(id, std::move(result)); },
                            [this, id](const Error& why) { put_off(id, why); }};
  const JobStart::Outside outside{out_.store, out_.clock, out_.secrets, paths_};
  const auto start = std::make_shared<JobStart>(state_, outside, job, ends);
  starts_.insert_or_assign(id, start);
  set_state(id, JobState::starting, "");
  // Kept until the job has started, since a start may be repeated.
  const auto password = passwords_.find(id);
  start->begin(password == passwords_.end() ? std::nullopt : std::optional{password->second},
               outputs_.contains(id));
}

// Back to its previous state; there may be no other reason to process the queue.
void JobRunner::put_off(std::int64_t id, const Error& why) {
  starts_.erase(id);
  launching_.erase(id);
  if (canceling_.contains(id)) return record_canceled(id);
  set_state(id, JobState::pending, why.message);
  retry_later("start jobs");
}

void JobRunner::launch(std::int64_t id) {
  const auto start = starts_.at(id);
  Job& job = state_.unfinished.at(id);
  if (const std::string& chosen = start->spec().archive;
      job.kind == JobKind::verify && job.archive != chosen) {
    // Another attempt uses the same archive.
    job.archive = chosen;
    change(id).archive = chosen;
  }
  auto credentials = std::move(start->credentials());
  credentials["spec"] = compact_json(to_json(start->spec()));
  JobUnitOptions options{paths_, timeout_of(job), {}, {}};
  if (const auto output = outputs_.find(id); output != outputs_.end()) options.input = output->second;
  for (const auto& [name, content] : credentials) options.credentials.push_back(name);
  launching_.insert(id);
  out_.systemd.start_job(
      job_unit(start->spec(), options), std::move(credentials),
      [this, id, asked = std::weak_ptr{start}, job](const Expected<void>& result) {
        if (const auto current = asked.lock(); current && starts_.contains(id) && starts_.at(id) == current)
          return launched(id, result);
        // The database lost the job meanwhile, and drop() expected a unit.
        const auto stranger = strangers_.find(id);
        if (result || stranger == strangers_.end() || stranger->second.created != job.created) return;
        strangers_.erase(stranger);
        wake();
      });
}

void JobRunner::launched(std::int64_t id, const Expected<void>& result) {
  Job& job = state_.unfinished.at(id);
  if (result) {
    starts_.erase(id);
    launching_.erase(id);
    out_.log.job_started(job);
    return run(job);
  }
  if (result.error().code != ErrorCode::unavailable)
    return record(id, not_run(ResultCode::unit, result.error().message));
  // It may have been started, and have ended, while systemd could not be asked.
  if (own_result(job)) return collect(id, "");
  out_.files.clear_result(id);
  put_off(id, result.error());
}

void JobRunner::run(Job& job) {
  const std::int64_t id = job.id;
  passwords_.erase(id);
  outputs_.erase(id);
  followers_.set_spooled(id, true);
  out_.files.watch(id);
  job.started = out_.clock.now();
  change(id).started = job.started;
  set_state(id, JobState::running, "");
  if (canceling_.contains(id)) out_.systemd.stop_job(id, [](const Expected<void>&) {});
}

void JobRunner::set_state(std::int64_t id, JobState state, std::string reason) {
  Job& job = state_.unfinished.at(id);
  job.state = state;
  job.reason = std::move(reason);
  out_.log.job_moved(job);
  out_.publisher.job_changed(id);
  // The state "starting" lasts only a moment, and its outcome is read from the unit: it is not worth a
  // transaction.
  if (state == JobState::starting) return;
  store::JobUpdate& update = change(id);
  update.state = state;
  update.reason = job.reason;
  if (state == JobState::running) update.unit = job_unit_name(id);
}

store::JobUpdate& JobRunner::change(std::int64_t id) {
  out_.clock.after("job updates", std::chrono::milliseconds{20}, [this] { flush_updates(); });
  store::JobUpdate& update = updates_[id];
  update.id = id;
  return update;
}

void JobRunner::flush_updates() {
  if (updates_.empty()) return;
  std::vector<store::JobUpdate> batch;
  for (auto& [id, update] : updates_) batch.push_back(std::move(update));
  updates_.clear();
  out_.store.update_jobs(batch, [this, batch](const Expected<std::vector<std::int64_t>>& result) {
    if (result) return;
    // Updates hold the state of a job, which may have changed by now: only those that no newer one has
    // replaced are queued again.
    for (const auto& update : batch) {
      if (state_.unfinished.contains(update.id)) updates_.try_emplace(update.id, update);
    }
    out_.clock.after("job updates", kRetry, [this] { flush_updates(); });
  });
}

void JobRunner::cancel(std::int64_t id, Then<void> then) {
  if (!state_.unfinished.contains(id))
    return then(fail(ErrorCode::job_not_cancelable, fmt::format("job {} has ended", id)));
  if (auto writable = state_.writable(); !writable) return then(writable);
  switch (phase(id)) {
    case JobPhase::waiting:
    case JobPhase::pending:
    case JobPhase::preparing:
      if (unseen_.contains(id)) {
        canceling_.insert(id);  // cancel_seen() sees to it
      } else {
        record_canceled(id);
      }
      return then({});
    case JobPhase::launching:  // run() stops it, or returned() ends it
    case JobPhase::returning:
      canceling_.insert(id);
      return then({});
    case JobPhase::running:
      canceling_.insert(id);
      return out_.systemd.stop_job(id, std::move(then));
    case JobPhase::recording:
    case JobPhase::gone:
      return then({});  // it has ended, but the end was not reported yet
  }
}

}  // namespace cyborg
