// SPDX-License-Identifier: GPL-3.0-or-later
// JobRunner: the end of a job, from what its unit left to the record in the database.
#include <fmt/format.h>

#include "manager/followers.h"
#include "manager/job_runner.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kRetry{5};
constexpr char kShutdownNote[] = "the job's unit ended without leaving a result";

}  // namespace

void JobRunner::unit_ended(std::int64_t id, const std::string& service_result) {
  if (strangers_.contains(id)) return stranger_ended(id);
  switch (phase(id)) {
    case JobPhase::running:
      return collect(id, service_result);
    case JobPhase::gone:
    case JobPhase::waiting:
    case JobPhase::pending:
    case JobPhase::preparing:
    case JobPhase::launching:  // systemd answers first
    case JobPhase::returning:
    case JobPhase::recording:
      return;  // it was the unit of an attempt whose end is recorded
  }
}

// The result that the job left, if it is this attempt's.
std::optional<JobResult> JobRunner::own_result(const Job& job) {
  auto left = out_.files.read_result(job.id);
  if (!left) {
    out_.log.trouble(fmt::format("job {}: its result cannot be read: {}", job.id, left.error().message));
    return std::nullopt;
  }
  if (!*left || (*left)->attempt == job.attempt) return *std::move(left);
  if (is_same_job((*left)->attempt, job.attempt)) {
    out_.files.clear_result(job.id);  // the output of the previous attempt is kept
  } else {
    set_files_aside(job.id, "it is of another job of that number");
  }
  return std::nullopt;
}

JobResult JobRunner::judge(const Job& job, const std::optional<JobResult>& left,
                           const std::string& service_result) const {
  if (left && service_result != "timeout") return *left;
  JobResult result = make_result(ResultCode::interrupted, kShutdownNote);
  if (service_result == "timeout") {
    result.code = ResultCode::timeout;
    result.message = fmt::format("stopped after its time limit of {} s", timeout_of(job).count());
  } else if (service_result == "oom-kill") {
    result.code = ResultCode::out_of_memory;
    result.message = "killed because memory ran out";
  } else {
    if (!service_result.empty()) result.message += fmt::format(" ({})", service_result);
    // A job that cannot write a result cannot report the reason.
    if (const std::string full = out_.files.full_directory(); !full.empty()) {
      result.code = ResultCode::state_directory;
      result.message += fmt::format(": there is no space left in {}", full);
    }
  }
  return result;
}

void JobRunner::collect(std::int64_t id, const std::string& service_result) {
  const Job& job = state_.unfinished.at(id);
  const auto left = own_result(job);
  // It has been waiting for its next attempt since before cyborgd started.
  if (!left && job.state == JobState::pending && attempt_of(job) > 0) return out_.files.clear_result(id);
  JobResult result = judge(job, left, service_result);
  const RetryPolicy policy{setting_number(state_.settings, "retry_attempts"),
                           setting_span(state_.settings, "retry_delay"),
                           setting_span(state_.settings, "retry_longest_delay")};
  const auto retry = canceling_.contains(id) ? std::nullopt : retry_of(job, result, policy, out_.clock.now());
  if (retry) return return_to_queue(id, *retry);
  record(id, std::move(result));
}

void JobRunner::return_to_queue(std::int64_t id, const Retry& retry) {
  forget_start(id);
  const auto update = std::make_shared<store::JobUpdate>();
  update->id = id;
  update->state = JobState::pending;
  update->reason = retry.reason;
  update->details = retry.details;
  update->attempt = next_attempt(state_.unfinished.at(id).attempt, out_.secrets);
  returning_.insert_or_assign(id, update);
  store_return(id, update);
}

void JobRunner::store_return(std::int64_t id, std::shared_ptr<const store::JobUpdate> update) {
  out_.store.update_jobs(
      {*update}, [this, id, weak = std::weak_ptr{update}](const Expected<std::vector<std::int64_t>>& stored) {
        const auto current = weak.lock();
        if (!current) return;
        if (stored && stored->empty()) return returned(id, *current);
        if (stored) return drop(id, "the database does not have it any more");
        // The result file stays until the database knows of the next attempt.
        out_.clock.after(fmt::format("return {}", id), kRetry, [this, id, weak] {
          if (const auto again = weak.lock()) store_return(id, again);
        });
      });
}

void JobRunner::returned(std::int64_t id, const store::JobUpdate& update) {
  Job& job = state_.unfinished.at(id);
  job.details = *update.details;
  job.attempt = *update.attempt;
  job.state = JobState::pending;
  job.reason = *update.reason;
  returning_.erase(id);
  updates_.erase(id);
  out_.files.clear_result(id);
  out_.systemd.forget_job(id);
  out_.publisher.job_changed(id);
  out_.log.trouble(fmt::format("job {} ({} of {}): {}", id, to_string(job.kind), job.client, job.reason));
  if (canceling_.contains(id)) return record_canceled(id);
  wake();
}

void JobRunner::record_canceled(std::int64_t id) {
  record(id, make_result(ResultCode::canceled, "canceled before it ran"));
}

void JobRunner::record(std::int64_t id, JobResult result) {
  forget_start(id);
  result.attempt = state_.unfinished.at(id).attempt;
  const auto end = std::make_shared<const JobResult>(std::move(result));
  recording_.insert_or_assign(id, end);
  store_end(id, end);
}

void JobRunner::store_end(std::int64_t id, std::shared_ptr<const JobResult> result) {
  out_.store.finish_job(
      id, *result, 0, [this, id, weak = std::weak_ptr{result}](const Expected<store::FinishedJob>& stored) {
        if (!weak.lock()) return;
        if (stored) return recorded(*stored);
        if (stored.error().code == ErrorCode::no_such_job) {
          drop(id, stored.error().message);
          if (on_lost) on_lost();
          return;
        }
        if (stored.error().code != ErrorCode::unavailable) {
          out_.log.trouble(fmt::format("job {}: its end cannot be recorded: {}", id, stored.error().message));
        }
        // The result file stays until the database has the result.
        out_.clock.after(fmt::format("record {}", id), kRetry, [this, id, weak] {
          if (const auto again = weak.lock()) store_end(id, again);
        });
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

void JobRunner::recorded(const store::FinishedJob& done) {
  apply_facts(done);
  const std::int64_t id = done.job.id;
  recording_.erase(id);
  out_.files.unwatch(id);
  out_.systemd.forget_job(id);
  retire(done.job);
  for (const auto& dependant : done.dependants) take_dependant(dependant);
  archive_output(id);
  if (on_imported && !done.imported.empty()) on_imported(done.imported);
  if (on_finished) on_finished();
  wake();
}

// A repeated record reports dependants that may already have started, which the database need not know.
void JobRunner::take_dependant(const Job& job) {
  if (is_ended(job.state)) return retire(job);
  const JobPhase now = phase(job.id);
  if (now != JobPhase::waiting && now != JobPhase::gone) return;
  if (now == JobPhase::gone && state_.recent.contains(job.id)) return;
  admit(job);
}

// The job leaves the queue, and stays an object on the bus for a while.
void JobRunner::retire(Job job) {
  const std::int64_t id = job.id;
  const bool known = state_.unfinished.erase(id) > 0;
  forget_start(id);
  recording_.erase(id);
  updates_.erase(id);
  unseen_.erase(id);
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

void JobRunner::forget_start(std::int64_t id) {
  starts_.erase(id);
  launching_.erase(id);
}

void JobRunner::archive_output(std::int64_t id) {
  if (!archiving_.insert(id).second) return;
  out_.store.append_output(
      id, out_.files.output_path(id), true, [this, id](const Expected<std::int64_t>& lines) {
        archiving_.erase(id);
        if (!lines && lines.error().code == ErrorCode::no_such_job)
          return set_files_aside(id, "the database has no job of that number");
        if (!lines)
          return out_.clock.after(fmt::format("output {}", id), kRetry, [this, id] { archive_output(id); });
        followers_.set_spooled(id, false);
        out_.files.remove(id);
        followers_.wake(id);
      });
}

}  // namespace cyborg
