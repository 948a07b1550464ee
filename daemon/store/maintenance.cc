// SPDX-License-Identifier: GPL-3.0-or-later
// When repositories were last pruned, compacted, checked and verified, and the damage that was found. Updated
// by the transaction that ends a job, like the status of backups.
#include "store/operations.h"
#include "store/words.h"

namespace cyborg::store {
namespace {

// The maintenance jobs among $1, as rows of maintenance_status.
const std::string kEnded =
    "(select b.id as borg_repository, j.kind, case when j.kind in ('prune', 'verify') then j.policy else '' "
    "end as policy,"
    " case when j.kind in ('prune', 'verify') then j.client else '' end as client, j.id, j.state, j.reason, "
    "j.finished,"
    " case when j.kind = 'check' and (coalesce((j.details->>'max_duration')::bigint, 0) = 0"
    "   or j.result->'facts'->>'complete' = 'true') then j.finished end as whole"
    " from job j join borg_repository b on b.url = j.borg_url"
    " where j.id = any($1::bigint[]) and j.kind in " +
    kinds_with_status(StatusKept::of_maintenance) + " and j.finished is not null) e";

}  // namespace

// In two steps, and without replacing newer values, like note_backup_status.
Expected<void> note_maintenance_status(Connection& db, const std::vector<std::int64_t>& ids) {
  const std::string ended =
      std::string{
          "insert into maintenance_status as s (borg_repository, kind, policy, client, last_end, "
          "last_end_job,"
          " last_end_state, last_end_reason)"
          " select distinct on (borg_repository, kind, policy, client) borg_repository, kind, policy, client,"
          " finished, id, state, reason from "} +
      kEnded +
      " order by borg_repository, kind, policy, client, finished desc, id desc"
      " on conflict (borg_repository, kind, policy, client) do update set last_end = excluded.last_end,"
      " last_end_job = excluded.last_end_job, last_end_state = excluded.last_end_state,"
      " last_end_reason = excluded.last_end_reason"
      " where s.last_end is null or s.last_end <= excluded.last_end";
  if (auto noted = db.run(ended.c_str(), Params{ids}); !noted) return std::unexpected(noted.error());
  const std::string succeeded =
      std::string{
          "insert into maintenance_status as s (borg_repository, kind, policy, client, last_success,"
          " last_success_job, last_whole)"
          " select distinct on (borg_repository, kind, policy, client) borg_repository, kind, policy, client,"
          " finished, id, whole from "} +
      kEnded + " where state in " + good_states() +
      " order by borg_repository, kind, policy, client, finished desc, id desc"
      " on conflict (borg_repository, kind, policy, client) do update set last_success = "
      "excluded.last_success,"
      " last_success_job = excluded.last_success_job,"
      " last_whole = coalesce(excluded.last_whole, s.last_whole)"
      " where s.last_success is null or s.last_success <= excluded.last_success";
  if (auto noted = db.run(succeeded.c_str(), Params{ids}); !noted) return std::unexpected(noted.error());
  return {};
}

// A partial check sees only a part of the repository's files: it can find damage, but not prove its absence.
Expected<void> note_damage(Connection& db, const Job& job, const JobResult& result) {
  const bool whole = job.details["max_duration"].asInt64() == 0;
  // Damage met by a verification or a restore counts like damage found by a check.
  const Damage damage = result.code.traits().damage;
  const bool seen_by_check = job.kind == JobKind::check && damage == Damage::suspected;
  if (damage == Damage::certain || seen_by_check) {
    auto noted = db.run(
        "update borg_repository set damaged = coalesce(damaged, now()), damaged_job = $2 where url = $1",
        Params{job.borg_url, job.id});
    if (!noted) return std::unexpected(noted.error());
  } else if (job.kind == JobKind::check && result.state == JobState::successful && whole) {
    auto noted = db.run(
        "update borg_repository set damaged = null, damaged_job = null where url = $1 and damaged is not "
        "null",
        Params{job.borg_url});
    if (!noted) return std::unexpected(noted.error());
  }
  return {};
}

namespace {

// A size is valid until the next backup: the last measurement before a day is the size on that day.
Expected<std::map<std::string, MaintenanceStatus::Size>> sizes(Connection& db) {
  auto result = db.run(
      "select b.url, s.size, usec(s.measured), coalesce(w.size, 0), coalesce(m.size, 0) from borg_repository "
      "b"
      " cross join (select (now() at time zone 'UTC')::date as day) today"
      " join lateral (select size, measured from repository_size where borg_repository = b.id"
      "  order by day desc limit 1) s on true"
      " left join lateral (select size from repository_size where borg_repository = b.id"
      "  and day <= today.day - 7 order by day desc limit 1) w on true"
      " left join lateral (select size from repository_size where borg_repository = b.id"
      "  and day <= today.day - 30 order by day desc limit 1) m on true");
  if (!result) return std::unexpected(result.error());
  std::map<std::string, MaintenanceStatus::Size> sizes;
  for (int i = 0; i < result->size(); ++i) {
    std::string url;
    MaintenanceStatus::Size size;
    result->row(i).read(url, size.now, size.measured, size.week_ago, size.month_ago);
    sizes[url] = size;
  }
  return sizes;
}

}  // namespace

Expected<MaintenanceStatus> maintenance_status(Connection& db) {
  MaintenanceStatus status;
  auto known = db.run(
      "select 'repository', b.url, usec(greatest(b.created, r.changed))"
      " from borg_repository b join repository r on r.name = b.repository"
      " union all select 'policy', name, usec(changed) from policy");
  if (!known) return std::unexpected(known.error());
  for (int i = 0; i < known->size(); ++i) {
    const auto row = known->row(i);
    auto& since = row.get<std::string>(0) == "policy" ? status.policies : status.repositories;
    since[row.get<std::string>(1)] = row.get<std::int64_t>(2);
  }
  auto listings = db.run(
      "select b.url, usec(b.listed),"
      " (select count(*) from foreign_archive f where f.borg_repository = b.id),"
      " (select count(*) from archive a where a.borg_repository = b.id and a.missing is not null"
      "   and a.removed is null) from borg_repository b where b.listed is not null");
  if (!listings) return std::unexpected(listings.error());
  for (int i = 0; i < listings->size(); ++i) {
    const auto row = listings->row(i);
    auto& listed = status.listings[row.get<std::string>(0)];
    listed = {row.get<std::int64_t>(1), row.get<std::int64_t>(2), row.get<std::int64_t>(3)};
  }
  auto rows = db.run(
      "select b.url, s.kind, s.policy, s.client, usec(s.last_success), coalesce(s.last_success_job, 0),"
      " usec(s.last_whole), usec(s.last_end), coalesce(s.last_end_job, 0), s.last_end_state, "
      "s.last_end_reason"
      " from maintenance_status s join borg_repository b on b.id = s.borg_repository"
      " order by b.url, s.kind, s.policy, s.client");
  if (!rows) return std::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i) {
    MaintenanceRow& r = status.rows.emplace_back();
    rows->row(i).read(r.borg_url, r.kind, r.policy, r.client, r.last_success, r.last_success_job,
                      r.last_whole, r.last_end, r.last_end_job, r.last_end_state, r.last_end_reason);
  }
  auto measured = sizes(db);
  if (!measured) return std::unexpected(measured.error());
  status.sizes = std::move(*measured);
  return status;
}

}  // namespace cyborg::store
