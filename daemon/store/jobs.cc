// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs: reading them, and updates while they live.
#include "store/operations.h"

#include <fmt/format.h>

#include <set>

#include "core/utf8.h"
#include "store/filter.h"

namespace cyborg::store {
namespace {

constexpr const char* kSelect =
    "select j.id, coalesce(j.run, 0), j.kind, j.state, j.policy, j.client, j.repository, j.borg_url, "
    "j.reason,"
    " array(select d.predecessor from job_dependency d where d.job = j.id order by d.predecessor),"
    " j.details, j.archive, j.attempt, usec(j.created), usec(j.started), usec(j.finished)";

void fill(Row& row, Job& job) {
  row.read(job.id, job.run, job.kind, job.state, job.policy, job.client, job.repository, job.borg_url,
           job.reason, job.after, job.details, job.archive, job.attempt, job.created, job.started,
           job.finished);
}

Json::Value to_row(const JobUpdate& update) {
  Json::Value row{Json::objectValue};
  row["id"] = Json::Int64{update.id};
  if (update.state) row["state"] = to_string(*update.state);
  if (update.reason) row["reason"] = to_clean_utf8(*update.reason);
  if (update.started) row["started"] = Json::Int64{*update.started};
  if (update.unit) row["unit"] = *update.unit;
  if (update.archive) row["archive"] = *update.archive;
  if (update.attempt) row["attempt"] = *update.attempt;
  if (update.details) row["details"] = *update.details;
  return row;
}

}  // namespace

Expected<std::vector<std::int64_t>> update_jobs(Connection& db, const std::vector<JobUpdate>& updates,
                                                const std::string& node) {
  Json::Value rows{Json::arrayValue};
  std::vector<std::int64_t> ids;
  for (const auto& update : updates) {
    ids.push_back(update.id);
    if (update.state && is_ended(*update.state)) {
      return fail(ErrorCode::failed,
                  fmt::format("job {} can become {} only by ending it", update.id, to_string(*update.state)));
    }
    rows.append(to_row(update));
  }
  // One statement is one transaction. An absent field is null, hence the coalesces; the ids are passed twice
  // because the planner cannot know how few rows the JSON has.
  auto result = db.run(
      "update job j set state = coalesce(u.state, j.state), reason = coalesce(u.reason, j.reason),"
      " started = case when u.started is null then j.started else instant(u.started) end,"
      " unit = coalesce(u.unit, j.unit),"
      " node = case when u.state = 'starting' then $2 else j.node end,"
      " details = coalesce(u.details, j.details), archive = coalesce(u.archive, j.archive),"
      " attempt = coalesce(u.attempt, j.attempt)"
      " from jsonb_to_recordset($1::jsonb) as u (id bigint, state text, reason text, started bigint,"
      " unit text, details jsonb, archive text, attempt text)"
      " where j.id = u.id and j.id = any($3::bigint[]) and j.finished is null returning j.id",
      Params{rows, node, ids});
  if (!result) return std::unexpected(result.error());
  std::set<std::int64_t> updated;
  for (int i = 0; i < result->size(); ++i) updated.insert(result->row(i).get<std::int64_t>(0));
  std::vector<std::int64_t> ended;
  for (const auto& update : updates) {
    if (!updated.contains(update.id)) ended.push_back(update.id);
  }
  return ended;
}

Expected<std::vector<Job>> read_jobs(Connection& db, const char* where, const Params& params) {
  const std::string sql = fmt::format("{} from job j where {}", kSelect, where);
  auto result = db.run(sql.c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<Job> jobs(static_cast<std::size_t>(result->size()));
  for (int i = 0; i < result->size(); ++i) {
    Row row = result->row(i);
    fill(row, jobs[static_cast<std::size_t>(i)]);
  }
  return jobs;
}

Expected<Page<Job>> list_jobs(Connection& db, const JobFilter& filter, std::uint32_t limit,
                              std::int64_t cursor) {
  Filter where;
  where.equal("j.policy", filter.policy);
  where.equal("j.client", filter.client);
  where.equal("j.repository", filter.repository);
  if (filter.kind) where.equal("j.kind", to_string(*filter.kind));
  if (filter.state) where.equal("j.state", to_string(*filter.state));
  where.equal("j.run", filter.run);
  where.since("(j.finished is null or j.finished >= instant(${}))", filter.since);
  where.page("j.id", limit, cursor);
  auto jobs = read_jobs(db, where.sql().c_str(), where.params());
  if (!jobs) return std::unexpected(jobs.error());
  return to_page(std::move(*jobs), limit);
}

Expected<JobRecord> get_job(Connection& db, std::int64_t id) {
  const std::string sql =
      fmt::format("{}, j.result, j.unit, j.node, j.output_lines from job j where j.id = $1", kSelect);
  auto found = db.run(sql.c_str(), Params{id});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", id));
  JobRecord record;
  Row row = found->row(0);
  fill(row, record.job);
  std::optional<Json::Value> result;
  row.read(result, record.unit, record.node, record.output_lines);
  if (result) {
    if (auto parsed = job_result_from_json(*result)) record.result = std::move(*parsed);
  }
  return record;
}

}  // namespace cyborg::store
