// SPDX-License-Identifier: GPL-3.0-or-later
// Read-only queries: jobs, archives, elapses, the state of the fleet, and keys.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/fields.h"
#include "core/repository_url.h"
#include "manager/manager.h"
#include "plan/maintenance.h"

namespace cyborg {
namespace {

constexpr unsigned kIntervalElapses = 9;
constexpr std::int64_t kLatestTime = 253'402'300'799'000'000;  // the year 9999: PostgreSQL knows later ones

Expected<std::int64_t> parse_cursor(const std::string& cursor) {
  std::int64_t value = 0;
  if (cursor.empty()) return value;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), value);
  if (error != std::errc{} || end != cursor.data() + cursor.size() || value < 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("cursor \"{}\": expected the cursor that the previous page returned", cursor));
  }
  return value;
}

Expected<void> check_quota(unsigned limit, unsigned most) {
  if (limit >= 1 && limit <= most) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("limit {}: expected 1-{}", limit, most));
}

std::string cursor_text(std::int64_t next) {
  return next == 0 ? std::string{} : fmt::to_string(next);
}

Expected<store::JobFilter> job_filter(const Json::Value& json) {
  store::JobFilter filter;
  std::string kind;
  std::string state;
  Fields fields{json};
  fields.text("policy", filter.policy);
  fields.text("client", filter.client);
  fields.text("repository", filter.repository);
  fields.text("kind", kind);
  fields.text("state", state);
  fields.number("run", filter.run, 0, INT64_MAX);
  fields.number("since", filter.since, 0, kLatestTime);
  if (JobKind value{}; !kind.empty()) {
    if (!parse(kind, value)) fields.refuse("kind", kind, alternatives(kJobKinds));
    filter.kind = value;
  }
  if (JobState value{}; !state.empty()) {
    if (!parse(state, value)) fields.refuse("state", state, alternatives(kJobStates));
    filter.state = value;
  }
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return filter;
}

Json::Value archive_record(const store::Archive& archive) {
  Json::Value row{Json::objectValue};
  row["name"] = archive.name;
  row["borg_id"] = archive.borg_id;
  row["job"] = Json::UInt64(archive.job);
  row["policy"] = archive.policy;
  row["client"] = archive.client;
  row["repository"] = archive.repository;
  row["borg_repository"] = archive.borg_url;
  row["created"] = Json::UInt64(archive.created);
  row["original_size"] = Json::UInt64(archive.original_size);
  row["compressed_size"] = Json::UInt64(archive.compressed_size);
  row["deduplicated_size"] = Json::UInt64(archive.deduplicated_size);
  row["files"] = Json::UInt64(archive.nfiles);
  row["duration"] = Json::UInt64(archive.duration);
  row["pinned"] = archive.pinned;
  row["comment"] = archive.comment;
  row["missing"] = Json::UInt64(archive.missing);
  row["removed"] = Json::UInt64(archive.removed);
  return row;
}

}  // namespace

Json::Value job_record(const Job& job) {
  Json::Value row{Json::objectValue};
  row["id"] = Json::UInt64(job.id);
  row["run"] = Json::UInt64(job.run);
  row["kind"] = to_string(job.kind);
  row["state"] = to_string(job.state);
  row["policy"] = job.policy;
  row["client"] = job.client;
  row["repository"] = job.repository;
  row["reason"] = job.reason;
  row["archive"] = job.archive;
  row["unit"] = job_unit_name(job.id);
  row["created"] = Json::UInt64(job.created);
  row["started"] = Json::UInt64(job.started);
  row["finished"] = Json::UInt64(job.finished);
  return row;
}

void Manager::list_elapses(const std::string& name, unsigned count, Done<std::vector<Microseconds>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(count, 1000); !checked) return done(std::unexpected(checked.error()));
  const auto policy = state_.fleet.find_policy(name);
  if (!policy) return done(std::unexpected(policy.error()));
  const auto schedule = state_.fleet.schedules.find((*policy)->schedule);
  if (schedule == state_.fleet.schedules.end() || !unusable_reason(state_.fleet, **policy).empty())
    return done({});
  out_.systemd.next_elapses(schedule->second.calendar, count, std::move(done));
}

void Manager::list_jobs(const Json::Value& filter, unsigned limit, const std::string& cursor,
                        Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit, 1000); !checked) return done(std::unexpected(checked.error()));
  auto parsed = job_filter(filter);
  if (!parsed) return done(std::unexpected(parsed.error()));
  const auto from = parse_cursor(cursor);
  if (!from) return done(std::unexpected(from.error()));
  out_.store.list_jobs(*parsed, limit, *from,
                       [this, done = std::move(done)](const Expected<store::Page<Job>>& stored) {
                         if (!stored) return done(std::unexpected(stored.error()));
                         JsonPage<Json::Value> page;
                         page.next_cursor = cursor_text(stored->next);
                         // The state in memory is slightly newer than the stored one.
                         for (const auto& job : stored->rows) {
                           const Job* live = state_.find_job(job.id);
                           page.rows.push_back(job_record(live ? *live : job));
                         }
                         done(std::move(page));
                       });
}

void Manager::get_job(std::int64_t id, Done<Json::Value> done) {
  done = later(std::move(done));
  if (state_.unfinished.contains(id)) return done(job_record(state_.unfinished.at(id)));
  out_.store.get_job(id, [done = std::move(done)](const Expected<store::JobRecord>& record) {
    if (!record) return done(std::unexpected(record.error()));
    Json::Value row = job_record(record->job);
    if (record->result) {
      row["code"] = record->result->code.word();
      row["borg_status"] = record->result->borg_status;
      row["warnings"] = Json::Value{Json::arrayValue};
      for (const auto& warning : record->result->warnings) row["warnings"].append(warning);
      row["facts"] = record->result->facts;
    }
    done(std::move(row));
  });
}

void Manager::read_log(std::int64_t id, std::uint64_t first, unsigned limit, Done<LogPage> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit, 10'000); !checked) return done(std::unexpected(checked.error()));
  if (state_.find_job(id) || followers_.is_spooled(id))
    return followers_.read(id, first, limit, std::move(done));
  get_job(id, [this, id, first, limit, done = std::move(done)](const Expected<Json::Value>& job) {
    if (!job) return done(std::unexpected(job.error()));
    followers_.read(id, first, limit, done);
  });
}

void Manager::follow(const std::string& follower, std::int64_t id, std::uint64_t first, Done<void> done) {
  done = later(std::move(done));
  if (state_.find_job(id)) return followers_.follow(follower, id, first, done);
  get_job(id, [this, follower, id, first, done = std::move(done)](const Expected<Json::Value>& job) {
    if (!job) return done(std::unexpected(job.error()));
    followers_.follow(follower, id, first, done);
  });
}

void Manager::list_archives(const Json::Value& json, unsigned limit, const std::string& cursor,
                            Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (auto checked = check_quota(limit, 1000); !checked) return done(std::unexpected(checked.error()));
  const auto from = parse_cursor(cursor);
  if (!from) return done(std::unexpected(from.error()));
  store::ArchiveFilter filter;
  Fields fields{json};
  fields.text("policy", filter.policy);
  fields.text("client", filter.client);
  fields.text("repository", filter.repository);
  fields.text("name", filter.name);
  fields.number("since", filter.since, 0, kLatestTime);
  if (auto finished = fields.finish(); !finished) return done(std::unexpected(finished.error()));
  out_.store.list_archives(filter, limit, *from,
                           [done = std::move(done)](const Expected<store::Page<store::Archive>>& stored) {
                             if (!stored) return done(std::unexpected(stored.error()));
                             JsonPage<Json::Value> page;
                             page.next_cursor = cursor_text(stored->next);
                             for (const auto& archive : stored->rows)
                               page.rows.push_back(archive_record(archive));
                             done(std::move(page));
                           });
}

// Requests from systemd the elapses of schedules that changed or whose next elapse has passed; then
// continues.
void Manager::with_schedule_times(std::function<void()> then) {
  const Microseconds now = out_.clock.now();
  auto left = std::make_shared<std::size_t>(1);
  auto step = [left, then = std::move(then)] {
    if (--*left == 0) then();
  };
  for (const auto& [name, schedule] : state_.fleet.schedules) {
    const auto known = schedule_times_.find(name);
    if (known != schedule_times_.end() && known->second.calendar == schedule.calendar &&
        !known->second.elapses.empty() && known->second.elapses.front() > now) {
      continue;
    }
    ++*left;
    out_.systemd.next_elapses(
        schedule.calendar, kIntervalElapses,
        [this, name = name, calendar = schedule.calendar, step](Expected<std::vector<Microseconds>> elapses) {
          schedule_times_[name] = {calendar, elapses ? std::move(*elapses) : std::vector<Microseconds>{}};
          step();
        });
  }
  step();
}

Json::Value Manager::status_row(const store::FleetRow& row, Microseconds now) const {
  Json::Value record{Json::objectValue};
  record["policy"] = row.policy;
  record["client"] = row.client;
  record["repository"] = row.repository;
  record["last_success"] = Json::UInt64(row.last_success);
  record["last_success_job"] = Json::UInt64(row.last_success_job);
  record["last_success_archive"] = row.last_success_archive;
  record["original_size"] = Json::UInt64(row.original_size);
  record["deduplicated_size"] = Json::UInt64(row.deduplicated_size);
  record["last_end"] = Json::UInt64(row.last_end);
  record["last_end_job"] = Json::UInt64(row.last_end_job);
  record["last_end_state"] = row.last_end_state ? to_string(*row.last_end_state) : "";
  record["last_end_reason"] = row.last_end_reason;
  record["last_proven"] = Json::UInt64(row.proven);
  record["last_proven_job"] = Json::UInt64(row.proven_job);
  record["last_proven_archive"] = row.proven_archive;
  record["last_proven_how"] = row.proven_how;
  record["restore_duration"] = Json::UInt64(row.restore_duration);
  record["last_verify"] = Json::UInt64(row.verify_end);
  record["last_verify_job"] = Json::UInt64(row.verify_job);
  record["last_verify_state"] = row.verify_state ? to_string(*row.verify_state) : "";
  record["last_verify_reason"] = row.verify_reason;
  const auto policy = state_.fleet.policies.find(row.policy);
  if (policy == state_.fleet.policies.end()) return record;
  std::string unusable = unusable_reason(state_.fleet, policy->second);
  const auto client = state_.fleet.clients.find(row.client);
  if (unusable.empty() && client != state_.fleet.clients.end() && !client->second.enabled) {
    unusable = fmt::format("client {} is disabled", row.client);
  }
  Microseconds next = 0;
  bool late = false;
  const auto times = schedule_times_.find(policy->second.schedule);
  if (unusable.empty() && times != schedule_times_.end() && !times->second.elapses.empty()) {
    next = times->second.elapses.front();
    const Microseconds grace = setting_span(state_.settings, "late_after").count() * 1'000'000;
    late = row.last_success > 0 && now - row.last_success > interval_of(times->second.elapses) + grace;
  }
  record["next_elapse"] = Json::UInt64(next);
  record["late"] = late;
  record["protected"] = row.last_success > 0;
  record["unusable"] = unusable;
  return record;
}

void Manager::fleet_status(Done<std::vector<Json::Value>> done) {
  done = later(std::move(done));
  with_schedule_times([this, done = std::move(done)] {
    out_.store.fleet_status([this, done](const Expected<std::vector<store::FleetRow>>& stored) {
      if (!stored) return done(std::unexpected(stored.error()));
      std::map<std::string, std::int64_t> active;
      for (const auto& [id, job] : state_.unfinished) {
        if (job.kind == JobKind::backup) active[job.policy + "\n" + job.client + "\n" + job.repository] = id;
      }
      std::vector<Json::Value> rows;
      const Microseconds now = out_.clock.now();
      for (const auto& row : *stored) {
        Json::Value record = status_row(row, now);
        const auto job = active.find(row.policy + "\n" + row.client + "\n" + row.repository);
        record["active_job"] = Json::UInt64(job != active.end() ? job->second : 0);
        record["active_state"] =
            job != active.end() ? to_string(state_.unfinished.at(job->second).state) : "";
        rows.push_back(std::move(record));
      }
      done(std::move(rows));
    });
  });
}

void Manager::export_key(const std::string& name, const std::string& client, Done<std::string> done) {
  done = later(std::move(done));
  const auto repository = state_.fleet.find_repository(name);
  if (!repository) return done(std::unexpected(repository.error()));
  const bool per_client = has_client_placeholder((*repository)->url);
  if (per_client && client.empty()) {
    return done(fail(ErrorCode::invalid_argument,
                     fmt::format("client: repository {} has a borg repository for each", name),
                     "name one with --client"));
  }
  const std::string url = expand_url((*repository)->url, per_client ? client : "");
  const auto known = state_.fleet.borg_repositories.find(url);
  if (known == state_.fleet.borg_repositories.end()) {
    return done(fail(ErrorCode::invalid_argument,
                     fmt::format("the borg repository {} does not exist yet", url),
                     "cyborgctl repository prepare creates it"));
  }
  const std::string& borg_id = known->second.borg_id;
  std::string text = fmt::format("borg repository: {}\nborg id:         {}\nencryption:      {}\n", url,
                                 borg_id.empty() ? "not prepared yet" : borg_id, (*repository)->encryption);
  add_passphrase(std::move(text), "passphrase:     ", store::passphrase_key(url),
                 [this, url, done = std::move(done)](Expected<std::string> one) {
                   if (!one) return done(std::move(one));
                   // Until the next preparation has found out which of the two is valid.
                   add_passphrase(std::move(*one), "or passphrase:  ", store::new_passphrase_key(url), done);
                 });
}

void Manager::add_passphrase(std::string text, const char* title, const store::SecretKey& key,
                             Then<std::string> done) {
  out_.store.get_secret(key, [this, text = std::move(text), title, owner = key.owner,
                              done = std::move(done)](const Expected<std::optional<store::Secret>>& secret) {
    if (!secret) return done(std::unexpected(secret.error()));
    if (!*secret) return done(text);
    auto passphrase = out_.secrets.open("borg-repository", owner, "passphrase", (*secret)->sealed);
    if (!passphrase) return done(std::unexpected(passphrase.error()));
    done(fmt::format("{}{} {}\n", text, title, *passphrase));
  });
}

}  // namespace cyborg
