// SPDX-License-Identifier: GPL-3.0-or-later
// Deletes old history, in small transactions: rows that the current status needs, and jobs whose archives
// still exist, are kept however old they are.
#include "store/operations.h"

namespace cyborg::store {
namespace {

// The number of jobs checked in one transaction, which takes some ten milliseconds.
constexpr std::int64_t kBatch = 1000;

// The ids of the jobs of a batch, and whether any of them ended before $2. Ids follow the order of creation,
// so the first batch without such a job is the last one.
constexpr const char* kBatchOf =
    "select coalesce(max(id), 0), count(*) filter (where finished < instant($2)) from"
    " (select id, finished from job where id > $1 order by id limit $3) batch";

constexpr const char* kForgetArchives =
    "delete from archive a using job j where j.id = a.job and j.id > $1 and j.id <= $2"
    " and j.finished < instant($3) and a.removed < instant($3)"
    " and not exists (select from catalog.archive c where c.archive = a.id)";

// Excluded are jobs whose output is still being stored, jobs that an archive, a damage or a status refers to,
// jobs for which another one waits, and the latest job that examined a client.
constexpr const char* kTooOld =
    "with named as ("
    " select last_success_job as id from backup_status union all select last_end_job from backup_status"
    " union all select last_success_job from maintenance_status"
    " union all select last_end_job from maintenance_status"
    " union all select proven_job from proof union all select last_end_job from proof"
    " union all select damaged_job from borg_repository)"
    " select j.id from job j where j.id > $1 and j.id <= $2 and j.finished < instant($3)"
    " and (j.output_lines is not null or j.unit = '')"
    " and not exists (select from named n where n.id = j.id)"
    " and not exists (select from archive a where a.job = j.id)"
    " and not exists (select from archive a where a.removed_by = j.id)"
    " and not exists (select from job_dependency d join job w on w.id = d.job"
    "   where d.predecessor = j.id and w.finished is null)"
    " and (j.kind <> 'prepare-client' or j.state <> 'successful' or exists (select from job k"
    "   where k.client = j.client and k.id > j.id and k.kind = j.kind and k.state = j.state))";

// The last elapse of a timer is kept, so that it never starts anything twice.
constexpr const char* kForgetRuns =
    "delete from run where id in (select r.id from run r where r.created < instant($1)"
    " and not exists (select from job j where j.run = r.id)"
    " and (r.scheduled is null or exists (select from run n where n.policy = r.policy"
    "   and n.upkeep = r.upkeep and n.repository = r.repository and n.scheduled > r.scheduled))"
    " limit $2)";

Expected<void> forget_jobs(Connection& db, const std::vector<std::int64_t>& ids) {
  for (const char* sql : {"delete from job_dependency where job = any($1::bigint[])",
                          "delete from job_dependency where predecessor = any($1::bigint[])",
                          "delete from job_output where job = any($1::bigint[])",
                          "delete from job where id = any($1::bigint[])"}) {
    if (auto forgotten = db.run(sql, Params{ids}); !forgotten) return std::unexpected(forgotten.error());
  }
  return {};
}

Expected<ForgottenHistory> forget_runs(Connection& db, Microseconds before, std::int64_t after) {
  auto runs = db.run(kForgetRuns, Params{before, kBatch});
  if (!runs) return std::unexpected(runs.error());
  return ForgottenHistory{after, 0, runs->affected() == kBatch};
}

}  // namespace

Expected<ForgottenHistory> forget_history(Connection& db, Microseconds before, std::int64_t after) {
  return db.transact<ForgottenHistory>([&]() -> Expected<ForgottenHistory> {
    auto batch = db.run(kBatchOf, Params{after, before, kBatch});
    if (!batch) return std::unexpected(batch.error());
    const auto last = batch->row(0).get<std::int64_t>(0);
    if (batch->row(0).get<std::int64_t>(1) == 0) return forget_runs(db, before, after);
    auto archives = db.run(kForgetArchives, Params{after, last, before});
    if (!archives) return std::unexpected(archives.error());
    auto found = db.run(kTooOld, Params{after, last, before});
    if (!found) return std::unexpected(found.error());
    std::vector<std::int64_t> ids;
    for (int i = 0; i < found->size(); ++i) ids.push_back(found->row(i).get<std::int64_t>(0));
    if (auto forgotten = forget_jobs(db, ids); !forgotten) return std::unexpected(forgotten.error());
    return ForgottenHistory{last, static_cast<std::int64_t>(ids.size()), true};
  });
}

}  // namespace cyborg::store
