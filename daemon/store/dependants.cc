// SPDX-License-Identifier: GPL-3.0-or-later
// The effects of a job's end on its dependants, and on the status of the fleet.
#include "store/operations.h"
#include "store/words.h"

namespace cyborg::store {
namespace {

Expected<std::vector<std::int64_t>> ids(Expected<Result> result) {
  if (!result) return std::unexpected(result.error());
  std::vector<std::int64_t> all;
  for (int i = 0; i < result->size(); ++i) all.push_back(result->row(i).get<std::int64_t>(0));
  return all;
}

Expected<std::vector<std::int64_t>> skip(Connection& db, const std::vector<std::int64_t>& candidates,
                                         Microseconds now) {
  static const std::string sql =
      "update job j set state = 'skipped', finished = coalesce(instant($2), now()), reason = bad.reason"
      " from (select distinct on (d.job) d.job,"
      "         format('%s%s was %s (job %s)', p.kind, case when p.client <> '' then ' of ' end || p.client,"
      "                case p.state when 'failed' then 'not successful' when 'error' then 'not possible'"
      "                else p.state end, p.id) as reason"
      "       from job_dependency d join job p on p.id = d.predecessor"
      "       where d.job = any($1::bigint[]) and p.state in " +
      unsuccessful_ends() +
      "       order by d.job, p.id) bad"
      " where j.id = bad.job and j.state = 'waiting' returning j.id";
  return ids(db.run(sql.c_str(), Params{candidates, now}));
}

Expected<void> release(Connection& db, const std::vector<std::int64_t>& candidates) {
  static const std::string sql =
      "update job j set state = 'pending', reason = '' where id = any($1::bigint[]) and state = 'waiting'"
      " and not exists (select from job_dependency d join job p on p.id = d.predecessor"
      "                 where d.job = j.id and p.state not in " +
      good_states() + ")";
  auto released = db.run(sql.c_str(), Params{candidates});
  if (!released) return std::unexpected(released.error());
  return {};
}

}  // namespace

Expected<std::vector<std::int64_t>> settle(Connection& db, std::vector<std::int64_t> candidates,
                                           Microseconds now) {
  std::vector<std::int64_t> all;
  while (!candidates.empty()) {
    auto skipped = skip(db, candidates, now);
    if (!skipped) return skipped;
    if (auto released = release(db, candidates); !released) return std::unexpected(released.error());
    all.insert(all.end(), skipped->begin(), skipped->end());
    if (skipped->empty()) break;
    auto next = ids(db.run("select distinct job from job_dependency where predecessor = any($1::bigint[])",
                           Params{*skipped}));
    if (!next) return next;
    candidates = std::move(*next);
  }
  return all;
}

Expected<std::vector<Job>> read_dependants(Connection& db, std::int64_t id) {
  // As an array, so that the planner looks up just these jobs, however many others are pending.
  return read_jobs(db,
                   "j.id = any(array("
                   " with recursive waiting (id) as ("
                   "  select job from job_dependency where predecessor = $1"
                   "  union select d.job from job_dependency d join waiting w on d.predecessor = w.id)"
                   " select id from waiting)) and j.state in ('pending', 'skipped') order by j.id",
                   Params{id});
}

// In two steps, because the last end need not be a success. A result that is found late (it waited in its
// state directory) does not replace a newer one. A skipped backup counts as an end, too: there was no backup.
Expected<void> note_backup_status(Connection& db, const std::vector<std::int64_t>& ids_of_jobs) {
  auto ended = db.run(
      "insert into backup_status as s (policy, client, repository, last_end, last_end_job, last_end_state,"
      " last_end_reason)"
      " select distinct on (policy, client, repository) policy, client, repository, finished, id, state, "
      "reason"
      " from job where id = any($1::bigint[]) and kind = 'backup' and finished is not null"
      " order by policy, client, repository, finished desc, id desc"
      " on conflict (policy, client, repository) do update set last_end = excluded.last_end,"
      " last_end_job = excluded.last_end_job, last_end_state = excluded.last_end_state,"
      " last_end_reason = excluded.last_end_reason"
      " where s.last_end is null or s.last_end <= excluded.last_end",
      Params{ids_of_jobs});
  if (!ended) return std::unexpected(ended.error());
  static const std::string success =
      "insert into backup_status as s (policy, client, repository, last_success, last_success_job,"
      " last_success_archive)"
      " select distinct on (policy, client, repository) policy, client, repository, finished, id, archive"
      " from job where id = any($1::bigint[]) and kind = 'backup' and state in " +
      good_states() +
      " order by policy, client, repository, finished desc, id desc"
      " on conflict (policy, client, repository) do update set last_success = excluded.last_success,"
      " last_success_job = excluded.last_success_job, last_success_archive = excluded.last_success_archive"
      " where s.last_success is null or s.last_success <= excluded.last_success";
  auto succeeded = db.run(success.c_str(), Params{ids_of_jobs});
  if (!succeeded) return std::unexpected(succeeded.error());
  return {};
}

Expected<void> note_status(Connection& db, const std::vector<std::int64_t>& ids_of_jobs) {
  if (ids_of_jobs.empty()) return {};
  if (auto noted = note_backup_status(db, ids_of_jobs); !noted) return noted;
  return note_maintenance_status(db, ids_of_jobs);
}

}  // namespace cyborg::store
