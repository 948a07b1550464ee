// SPDX-License-Identifier: GPL-3.0-or-later
// Maintenance of repositories: prunes, compactions and checks; and operations on single archives.
#include <fmt/format.h>

#include <algorithm>

#include "core/fields.h"
#include "core/repository_url.h"
#include "manager/manager.h"
#include "plan/maintenance.h"
#include "plan/retention.h"

namespace cyborg {
namespace {

// The number of elapses to request from systemd; beyond them, a repeating pattern is extrapolated.
constexpr unsigned kForecastElapses = 1000;
constexpr std::size_t kForecastSteps = 20'000;
constexpr Microseconds kForecastHorizon = 10 * 365 * 86'400 * Microseconds{1'000'000};

std::string zone_of(const Fleet& fleet, const Policy& policy) {
  const auto schedule = fleet.schedules.find(policy.schedule);
  return schedule != fleet.schedules.end() ? schedule->second.timezone : std::string{};
}

}  // namespace

Chain Manager::chain() const {
  return {setting_flag(state_.settings, "compact_after_prune")};
}

void Manager::prune_policy(const std::string& name, const RunRequest& request, Done<RunAnswer> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const auto policy = state_.fleet.find_policy(name);
  if (!policy) return done(std::unexpected(policy.error()));
  auto plan = plan_prune(state_.fleet, **policy, request.clients, chain());
  if (!plan) return done(std::unexpected(plan.error()));
  if (plan->jobs.empty()) {
    return done(fail(ErrorCode::invalid_argument, plan->notes.front(),
                     fmt::format("cyborgctl policy set {} keep_daily=7 keep_weekly=4", name)));
  }
  if (!request.dry_run) return create_run(std::move(*plan), name, request, std::move(done));
  std::erase_if(plan->jobs, [](const NewJob& job) { return job.kind != JobKind::prune; });
  auto preview = std::make_shared<Preview>(
      Preview{**policy, zone_of(state_.fleet, **policy), std::move(plan->jobs), 0, {}});
  preview_prune(preview, std::move(done));
}

// One series after the other, as the database answers.
void Manager::preview_prune(std::shared_ptr<Preview> preview, Then<RunAnswer> done) {
  if (preview->next == preview->jobs.size()) return done(RunAnswer{0, {}, std::move(preview->rows)});
  const NewJob& job = preview->jobs[preview->next++];
  out_.store.get_series(job.policy, job.client, job.borg_url, preview->zone,
                        [this, preview, &job, done = std::move(done)](const Expected<store::Series>& series) {
                          if (!series) return done(std::unexpected(series.error()));
                          const auto verdicts = judge_archives(
                              retention_of(preview->policy, job.client), series->archives, out_.clock.now(),
                              setting_number(state_.settings, "keep_minimum"));
                          for (std::size_t i = 0; i < verdicts.size(); ++i) {
                            Json::Value row{Json::objectValue};
                            row["archive"] = series->archives[i].name;
                            row["client"] = job.client;
                            row["repository"] = job.repository;
                            row["created"] = Json::UInt64(series->archives[i].created);
                            row["keep"] = verdicts[i].keep;
                            row["rule"] = verdicts[i].rule;
                            preview->rows.push_back(std::move(row));
                          }
                          preview_prune(preview, done);
                        });
}

void Manager::run_on_repository(JobKind kind, const std::string& repository, const Json::Value& details,
                                RunRequest request, Done<std::vector<std::int64_t>> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const bool scheduled = request.scheduled > 0;
  const Fleet& fleet = state_.fleet;
  const Jobs& active = state_.unfinished;
  auto plan = scheduled ? plan_scheduled_maintenance(fleet, kind, repository, active)
              : kind == JobKind::verify
                  ? plan_verify_repository(fleet, repository, request.clients, active)
                  : plan_repository_jobs(fleet, kind, repository, request.clients, details);
  if (!plan) return done(std::unexpected(plan.error()));
  // By hand, an empty plan is an answer; a timer's elapse is recorded as a run without jobs.
  if (plan->jobs.empty() && !scheduled) {
    return done(fail(ErrorCode::invalid_argument, plan->notes.empty()
                                                      ? fmt::format("no policy has repository {}", repository)
                                                      : plan->notes.front()));
  }
  if (scheduled) {
    request.maintenance = to_string(kind);
    request.repository = repository;
  }
  create_run(std::move(*plan), "", request, [done = std::move(done)](Expected<RunAnswer> answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done(std::move(answer->jobs));
  });
}

void Manager::remove_archive(const std::string& name, const std::string& actor, Done<std::int64_t> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.get_archive(
      name, [this, actor, done = std::move(done)](const Expected<store::Archive>& archive) {
        if (!archive) return done(std::unexpected(archive.error()));
        if (archive->pinned) {
          return done(fail(ErrorCode::in_use, fmt::format("archive {} is pinned", archive->name),
                           fmt::format("cyborgctl archive unpin {}", archive->name)));
        }
        Job like;
        like.kind = JobKind::prune;
        like.policy = archive->policy;
        like.client = archive->client;
        like.repository = archive->repository;
        like.borg_url = archive->borg_url;
        like.details["archives"].append(archive->name);
        auto plan = plan_maintenance(state_.fleet, like, state_.unfinished);
        if (!plan) return done(std::unexpected(plan.error()));
        RunRequest request;
        request.actor = actor;
        create_run(std::move(*plan), "", request, [done](const Expected<RunAnswer>& answer) {
          if (!answer) return done(std::unexpected(answer.error()));
          done(answer->jobs.front());
        });
      });
}

void Manager::update_archive(const std::string& name, const Json::Value& properties, Done<void> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(writable);
  store::ArchiveUpdate update;
  bool pinned = false;
  std::string comment;
  Fields fields{properties};
  fields.flag("pinned", pinned);
  fields.text("comment", comment);
  if (auto finished = fields.finish(); !finished) return done(finished);
  if (fields.has("pinned")) update.pinned = pinned;
  if (fields.has("comment")) update.comment = comment;
  out_.store.update_archive(name, update, [done = std::move(done)](const Expected<store::Archive>& archive) {
    if (!archive) return done(std::unexpected(archive.error()));
    done({});
  });
}

void Manager::explain_archive(const std::string& name, Done<Json::Value> done) {
  done = later(std::move(done));
  out_.store.get_archive(name, [this, done = std::move(done)](const Expected<store::Archive>& archive) {
    if (!archive) return done(std::unexpected(archive.error()));
    const auto policy = state_.fleet.policies.find(archive->policy);
    Json::Value row{Json::objectValue};
    row["archive"] = archive->name;
    row["goes"] = Json::UInt64(0);
    if (policy == state_.fleet.policies.end()) {
      row["keep"] = true;
      row["rule"] = archive->policy.empty() ? "it was imported without a policy, so nothing prunes it"
                                            : "its policy was removed, so nothing prunes it";
      return done(std::move(row));
    }
    out_.store.get_series(
        archive->policy, archive->client, archive->borg_url, zone_of(state_.fleet, policy->second),
        [this, row = std::move(row), archive = *archive, policy = policy->second,
         done](const Expected<store::Series>& series) mutable {
          if (!series) return done(std::unexpected(series.error()));
          const auto& keep = retention_of(policy, archive.client);
          const auto verdicts = judge_archives(keep, series->archives, out_.clock.now(),
                                               setting_number(state_.settings, "keep_minimum"));
          for (std::size_t i = 0; i < verdicts.size(); ++i) {
            if (series->archives[i].id != archive.id) continue;
            row["keep"] = verdicts[i].keep;
            row["rule"] = verdicts[i].rule;
            row["newer"] = Json::UInt64(i);
          }
          row["retention"] = to_json(keep);
          foresee(archive, policy, std::move(row), done);
        });
  });
}

// When an archive will be removed, if its policy keeps to its schedule.
void Manager::foresee(const store::Archive& archive, const Policy& policy, Json::Value row,
                      Then<Json::Value> done) {
  const auto schedule = state_.fleet.schedules.find(policy.schedule);
  if (schedule == state_.fleet.schedules.end() || !unusable_reason(state_.fleet, policy).empty() ||
      !retention_of(policy, archive.client).any() || archive.pinned || archive.missing != 0) {
    return done(std::move(row));
  }
  store::ForecastRequest request{archive.policy,
                                 archive.client,
                                 archive.borg_url,
                                 schedule->second.timezone,
                                 archive.id,
                                 retention_of(policy, archive.client),
                                 setting_number(state_.settings, "keep_minimum"),
                                 {}};
  out_.systemd.next_elapses(
      schedule->second.calendar, kForecastElapses,
      [this, request, row = std::move(row),
       done = std::move(done)](Expected<std::vector<Microseconds>> elapses) mutable {
        if (!elapses) return done(std::move(row));
        request.elapses =
            project_elapses(std::move(*elapses), out_.clock.now() + kForecastHorizon, kForecastSteps);
        out_.store.foresee_removal(request, [row = std::move(row), done = std::move(done)](
                                                const Expected<Microseconds>& goes) mutable {
          if (!goes) return done(std::unexpected(goes.error()));
          row["goes"] = Json::UInt64(*goes);
          done(std::move(row));
        });
      });
}

}  // namespace cyborg
