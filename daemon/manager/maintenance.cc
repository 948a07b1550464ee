// What keeps repositories in order: prunes, compactions and checks; and the archives themselves.
#include <fmt/format.h>

#include <algorithm>

#include "core/fields.h"
#include "core/repository_url.h"
#include "core/retention.h"
#include "manager/manager.h"

namespace cyborg {
namespace {

std::string zone_of(const Fleet& fleet, const Policy& policy) {
  const auto schedule = fleet.schedules.find(policy.schedule);
  return schedule != fleet.schedules.end() ? schedule->second.timezone : std::string{};
}

}  // namespace

Chain Manager::chain() const {
  return {setting_flag(state_.settings, "compact_after_prune")};
}

void Manager::prune_policy(const std::string& name, const RunRequest& request, Done<RunAnswer> done) {
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const auto policy = state_.fleet.policies.find(name);
  if (policy == state_.fleet.policies.end()) {
    return done(fail(ErrorCode::no_such_policy, fmt::format("no policy named \"{}\"", name)));
  }
  auto plan = plan_prune(state_.fleet, policy->second, request.clients, chain());
  if (!plan) return done(std::unexpected(plan.error()));
  if (plan->jobs.empty()) {
    return done(fail(ErrorCode::invalid_argument, plan->notes.front(),
                     fmt::format("cyborgctl policy set {} keep_daily=7 keep_weekly=4", name)));
  }
  if (!request.dry_run) return create_run(std::move(*plan), name, request, std::move(done));
  std::erase_if(plan->jobs, [](const NewJob& job) { return job.kind != JobKind::prune; });
  auto preview = std::make_shared<Preview>(
      Preview{policy->second, zone_of(state_.fleet, policy->second), std::move(plan->jobs), 0, {}});
  preview_prune(preview, std::move(done));
}

// One series after the other, as the database answers.
void Manager::preview_prune(std::shared_ptr<Preview> preview, Done<RunAnswer> done) {
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

void Manager::run_on_repository(JobKind kind, const std::string& repository,
                                const std::vector<std::string>& clients, const Json::Value& details,
                                const std::string& actor, Done<std::vector<std::int64_t>> done) {
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  auto plan = plan_repository_jobs(state_.fleet, kind, repository, clients, details);
  if (!plan) return done(std::unexpected(plan.error()));
  RunRequest request;
  request.actor = actor;
  create_run(std::move(*plan), "", request, [done = std::move(done)](Expected<RunAnswer> answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done(std::move(answer->jobs));
  });
}

void Manager::remove_archive(const std::string& name, const std::string& actor, Done<std::int64_t> done) {
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
  out_.store.get_archive(name, [this, done = std::move(done)](const Expected<store::Archive>& archive) {
    if (!archive) return done(std::unexpected(archive.error()));
    const auto policy = state_.fleet.policies.find(archive->policy);
    Json::Value row{Json::objectValue};
    row["archive"] = archive->name;
    if (policy == state_.fleet.policies.end()) {
      row["keep"] = true;
      row["rule"] = "its policy was removed, so nothing prunes it";
      return done(std::move(row));
    }
    out_.store.get_series(
        archive->policy, archive->client, archive->borg_url, zone_of(state_.fleet, policy->second),
        [this, row = std::move(row), name = archive->name, client = archive->client, policy = policy->second,
         done](const Expected<store::Series>& series) mutable {
          if (!series) return done(std::unexpected(series.error()));
          const auto verdicts =
              judge_archives(retention_of(policy, client), series->archives, out_.clock.now(),
                             setting_number(state_.settings, "keep_minimum"));
          for (std::size_t i = 0; i < verdicts.size(); ++i) {
            if (series->archives[i].name != name) continue;
            row["keep"] = verdicts[i].keep;
            row["rule"] = verdicts[i].rule;
            row["newer"] = Json::UInt64(i);
          }
          row["retention"] = to_json(retention_of(policy, client));
          done(std::move(row));
        });
  });
}

}  // namespace cyborg
