// SPDX-License-Identifier: GPL-3.0-or-later
// The maintenance status of borg repositories: the last of each kind, and which are overdue.
#include "plan/maintenance.h"

#include <fmt/format.h>

#include <algorithm>

#include "manager/manager.h"

namespace cyborg {
namespace {

const store::MaintenanceRow* find_row(const store::MaintenanceStatus& status, const std::string& url,
                                      const Due& due) {
  const auto row = std::ranges::find_if(status.rows, [&](const store::MaintenanceRow& one) {
    return one.borg_url == url && one.kind == due.kind && one.policy == due.policy &&
           one.client == due.client;
  });
  return row != status.rows.end() ? &*row : nullptr;
}

Microseconds at(const std::map<std::string, Microseconds>& times, const std::string& key) {
  const auto time = times.find(key);
  return time != times.end() ? time->second : 0;
}

// Of several series, the oldest success and the latest end.
void describe(Json::Value& record, JobKind kind, const std::string& url,
              const store::MaintenanceStatus& status) {
  const std::string name = to_string(kind);
  const store::MaintenanceRow* oldest = nullptr;
  const store::MaintenanceRow* last = nullptr;
  for (const auto& row : status.rows) {
    if (row.borg_url != url || row.kind != kind) continue;
    if (!oldest || row.last_success < oldest->last_success) oldest = &row;
    if (!last || row.last_end > last->last_end) last = &row;
  }
  record["last_" + name] = Json::UInt64(oldest ? oldest->last_success : 0);
  record["last_" + name + "_job"] = Json::UInt64(oldest ? oldest->last_success_job : 0);
  record[name + "_state"] = last ? last->last_end_state : "";
  record[name + "_reason"] = last ? last->last_end_reason : "";
  record[name + "_job"] = Json::UInt64(last ? last->last_end_job : 0);
  if (kind == JobKind::check) record["last_whole_check"] = Json::UInt64(oldest ? oldest->last_whole : 0);
}

}  // namespace

Json::Value Manager::maintenance_row(const BorgRepository& borg, const store::MaintenanceStatus& status,
                                     Microseconds now) const {
  Json::Value record{Json::objectValue};
  record["repository"] = borg.repository;
  record["client"] = borg.client;
  record["borg_repository"] = borg.url;
  record["damaged"] = Json::UInt64(borg.damaged);
  record["damaged_job"] = Json::UInt64(borg.damaged_job);
  const auto listing = status.listings.find(borg.url);
  const auto listed = listing != status.listings.end() ? listing->second : store::MaintenanceStatus::Listed{};
  record["listed"] = Json::UInt64(listed.at);
  record["foreign"] = Json::UInt64(listed.foreign);
  record["missing"] = Json::UInt64(listed.missing);
  const auto measured = status.sizes.find(borg.url);
  const auto size = measured != status.sizes.end() ? measured->second : store::MaintenanceStatus::Size{};
  record["size"] = Json::UInt64(size.now);
  record["size_measured"] = Json::UInt64(size.measured);
  record["size_week_ago"] = Json::UInt64(size.week_ago);
  record["size_month_ago"] = Json::UInt64(size.month_ago);
  record["late"] = Json::Value{Json::arrayValue};
  for (const auto& row : kJobKinds) {
    if (row.status != StatusKept::of_maintenance) continue;
    describe(record, row.kind, borg.url, status);
    record[fmt::format("next_{}", row.name)] = Json::UInt64(0);
  }
  const Microseconds grace = setting_span(state_.settings, "late_after").count() * 1'000'000;
  for (const auto& due : maintenance_due(state_.fleet, borg, chain())) {
    const auto times = schedule_times_.find(due.schedule);
    if (times == schedule_times_.end() || times->second.elapses.empty()) continue;
    const auto& elapses = times->second.elapses;
    Json::Value& next = record[fmt::format("next_{}", to_string(due.kind))];
    if (next.asInt64() == 0 || elapses.front() < next.asInt64()) next = Json::UInt64(elapses.front());
    // Maintenance that never happened is overdue only counting from the time it was requested.
    const store::MaintenanceRow* row = find_row(status, borg.url, due);
    const Microseconds since = row && row->last_success > 0 ? row->last_success
                                                            : std::max(at(status.repositories, borg.url),
                                                                       at(status.policies, due.policy));
    if (now - since <= interval_of(elapses) + grace) continue;
    record["late"].append(due.policy.empty() ? std::string{to_string(due.kind)}
                                             : fmt::format("{} of policy {} on {}", to_string(due.kind),
                                                           due.policy, due.client));
  }
  return record;
}

void Manager::repository_status(Done<std::vector<Json::Value>> done) {
  done = later(std::move(done));
  with_schedule_times([this, done = std::move(done)] {
    out_.store.maintenance_status([this, done](const Expected<store::MaintenanceStatus>& status) {
      if (!status) return done(std::unexpected(status.error()));
      std::vector<Json::Value> rows;
      const Microseconds now = out_.clock.now();
      for (const auto& [url, borg] : state_.fleet.borg_repositories) {
        if (!borg.ready || !state_.fleet.repositories.contains(borg.repository)) continue;
        rows.push_back(maintenance_row(borg, *status, now));
      }
      std::ranges::stable_sort(rows, {}, [](const Json::Value& row) {
        return std::pair{row["repository"].asString(), row["client"].asString()};
      });
      done(std::move(rows));
    });
  });
}

}  // namespace cyborg
