// SPDX-License-Identifier: GPL-3.0-or-later
// JobRunner: after a restart or a loss, finds out what became of each job from the database, units and
// results.
#include <fmt/format.h>

#include "manager/followers.h"
#include "manager/job_runner.h"

namespace cyborg {
namespace {

constexpr std::chrono::seconds kRetry{5};

// Also for a later attempt, which the database has lost.
bool is_of(const Job& job, const std::string& attempt) {
  return job.attempt == attempt || is_same_job(job.attempt, attempt);
}

}  // namespace

void JobRunner::take_stored(std::vector<Job> stored) {
  std::map<std::int64_t, Job> found;
  for (auto& job : stored) found.emplace(job.id, std::move(job));
  std::vector<std::int64_t> lost;
  for (const auto& [id, job] : state_.unfinished) {
    if (found.contains(id)) continue;
    // Its end may have been recorded, or the end of another job may have ended this one, without an answer.
    const bool may_have_ended =
        recording_.contains(id) || (job.state == JobState::waiting && !recording_.empty());
    if (!may_have_ended) lost.push_back(id);
  }
  for (const std::int64_t id : lost) drop(id, "the database does not have it any more");
  for (auto& [id, job] : found) {
    const auto known = state_.unfinished.find(id);
    if (known == state_.unfinished.end() || known->second.created != job.created) {
      admit(std::move(job));
      unseen_.insert(id);
      continue;
    }
    // The state in memory is newer than the stored one.
    if (known->second.attempt == job.attempt || returning_.contains(id)) continue;
    store::JobUpdate& update = change(id);
    update.attempt = known->second.attempt;
    update.details = known->second.details;
  }
}

// The database lost the job: nothing can be recorded. Its files are kept for inspection.
void JobRunner::drop(std::int64_t id, const std::string& why) {
  const auto found = state_.unfinished.find(id);
  if (found == state_.unfinished.end()) return;
  out_.log.trouble(fmt::format("job {} ({} of {}) is lost: {}", id, to_string(found->second.kind),
                               found->second.client, why));
  const JobPhase last = phase(id);
  if (last == JobPhase::launching || last == JobPhase::running)
    strangers_.insert_or_assign(id, found->second);
  state_.unfinished.erase(found);
  returning_.erase(id);
  recording_.erase(id);
  forget_start(id);
  updates_.erase(id);
  unseen_.erase(id);
  canceling_.erase(id);
  passwords_.erase(id);
  outputs_.erase(id);
  out_.files.unwatch(id);
  out_.publisher.job_forgotten(id);
  if (strangers_.contains(id)) return;
  out_.systemd.forget_job(id);
  set_files_aside(id, why);
}

void JobRunner::set_files_aside(std::int64_t id, const std::string& why) {
  followers_.set_spooled(id, false);
  const std::string kept = out_.files.set_aside(id);
  if (!kept.empty()) out_.log.trouble(fmt::format("what job {} left is kept in {}: {}", id, kept, why));
}

void JobRunner::stranger_ended(std::int64_t id) {
  strangers_.erase(id);
  out_.systemd.forget_job(id);
  set_files_aside(id, "the database lost the job");
  wake();
}

void JobRunner::reconcile() {
  // Only jobs that were running before systemd was asked can have vanished by its answer.
  out_.systemd.list_jobs(
      [this, begun = suspects(), asked = unseen_](const Expected<std::vector<JobUnit>>& units) {
        if (!units) {
          out_.log.trouble("systemd does not say which jobs run: " + units.error().message);
          return out_.clock.after("reconcile", kRetry, [this] { reconcile(); });
        }
        adopt(begun, *units);
        for (const std::int64_t id : asked) unseen_.erase(id);
        cancel_seen(asked);
        wake();
      });
}

// The jobs that were started: those in the state running, and those with a state directory.
std::set<std::int64_t> JobRunner::suspects() {
  std::set<std::int64_t> begun;
  for (const std::int64_t id : out_.files.list()) followers_.set_spooled(id, true);
  for (const auto& [id, job] : state_.unfinished) {
    const JobPhase now = phase(id);
    const bool idle = now == JobPhase::waiting || now == JobPhase::pending;
    // another job's files do not mean that it was started
    if (idle && followers_.is_spooled(id)) (void)own_result(job);
    if (now == JobPhase::running || (idle && followers_.is_spooled(id))) begun.insert(id);
  }
  return begun;
}

void JobRunner::adopt(std::set<std::int64_t> begun, const std::vector<JobUnit>& units) {
  std::set<std::int64_t> alive;
  for (const auto& unit : units) {
    if (unit.ended) {
      adopt_ended(unit, begun);
      continue;
    }
    alive.insert(unit.job);
    const auto job = state_.unfinished.find(unit.job);
    begun.erase(unit.job);
    if (job != state_.unfinished.end() && is_of(job->second, unit.attempt)) {
      adopt_running(job->second, unit.attempt);
    } else if (!strangers_.contains(unit.job)) {
      followers_.set_spooled(unit.job, false);
      out_.log.trouble(
          fmt::format("{} runs for a job that the database does not have", job_unit_name(unit.job)));
      Job stranger;
      stranger.id = unit.job;
      strangers_.emplace(unit.job, std::move(stranger));
    }
  }
  for (const std::int64_t id : begun) {
    const JobPhase now = phase(id);
    const bool idle = now == JobPhase::waiting || now == JobPhase::pending;
    if (now == JobPhase::running || (idle && followers_.is_spooled(id))) collect(id, "");
  }
  for (const std::int64_t id : out_.files.list()) {
    if (!state_.unfinished.contains(id) && !alive.contains(id)) archive_output(id);
  }
}

// Jobs that were canceled before it was known whether they run.
void JobRunner::cancel_seen(const std::set<std::int64_t>& jobs) {
  for (const std::int64_t id : jobs) {
    if (!canceling_.contains(id)) continue;
    const JobPhase now = phase(id);
    if (now == JobPhase::running) {
      out_.systemd.stop_job(id, [](const Expected<void>&) {});
    } else if (now == JobPhase::waiting || now == JobPhase::pending) {
      record_canceled(id);
    }
  }
}

void JobRunner::adopt_running(Job& job, const std::string& attempt) {
  const JobPhase now = phase(job.id);
  if (now != JobPhase::waiting && now != JobPhase::pending && now != JobPhase::running) return;
  followers_.set_spooled(job.id, true);
  out_.files.watch(job.id);
  if (job.attempt != attempt) {
    // The database has lost the later attempt.
    job.attempt = attempt;
    change(job.id).attempt = attempt;
  }
  if (now != JobPhase::running) set_state(job.id, JobState::running, "");
}

void JobRunner::adopt_ended(const JobUnit& unit, std::set<std::int64_t>& begun) {
  const auto job = state_.unfinished.find(unit.job);
  if (job != state_.unfinished.end() && job->second.attempt == unit.attempt) {
    if (begun.erase(unit.job) > 0) collect(unit.job, unit.service_result);
    return;
  }
  // A unit whose end was recorded but not forgotten yet; or the unit of another job, as are its files.
  out_.systemd.forget_job(unit.job);
  if (job == state_.unfinished.end()) return;
  begun.erase(unit.job);
  if (phase(unit.job) == JobPhase::running) return collect(unit.job, "");
  if (!is_same_job(job->second.attempt, unit.attempt))
    set_files_aside(unit.job, "it is of another job of that number");
}

}  // namespace cyborg
