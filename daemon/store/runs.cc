// SPDX-License-Identifier: GPL-3.0-or-later
// Creating a run and all its jobs, in one transaction.
#include <fmt/format.h>

#include "store/operations.h"

namespace cyborg::store {
namespace {

// Inserts the run and returns its id; nullopt if it exists already, by its token or its timer's elapse.
Expected<std::optional<std::int64_t>> insert_run(Connection& db, const NewRun& run, const std::string& node) {
  auto inserted = db.run(
      "insert into run (token, policy, scheduled, actor, node, upkeep, repository)"
      " values ($1, $2, instant($3), $4, $5, $6, $7) on conflict do nothing returning id",
      Params{run.token, run.policy, run.scheduled, run.actor, node, run.maintenance, run.repository});
  if (!inserted) return std::unexpected(inserted.error());
  if (inserted->empty()) return std::nullopt;
  return inserted->row(0).get<std::int64_t>(0);
}

Expected<std::int64_t> find_run(Connection& db, const NewRun& run) {
  auto found = db.run(
      "select id from run where token = $1 or (policy = $2 and scheduled = instant($3) and upkeep = $4"
      " and repository = $5) order by id limit 1",
      Params{run.token, run.policy, run.scheduled, run.maintenance, run.repository});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return fail(ErrorCode::failed, fmt::format("run {} vanished", run.token));
  return found->row(0).get<std::int64_t>(0);
}

Expected<void> check_policy(Connection& db, const std::string& policy) {
  if (policy.empty()) return {};
  auto found = db.run("select from policy where name = $1", Params{policy});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return fail(ErrorCode::no_such_policy, fmt::format("there is no policy {}", policy));
  return {};
}

// Ids are reserved first, so that jobs keep the given order, and dependencies can be written at the same
// time.
Expected<std::vector<std::int64_t>> reserve_ids(Connection& db, std::size_t count) {
  auto result = db.run(
      "select nextval(pg_get_serial_sequence('job', 'id')) as id from generate_series(1, $1::bigint) order "
      "by id",
      Params{static_cast<std::int64_t>(count)});
  if (!result) return std::unexpected(result.error());
  std::vector<std::int64_t> ids;
  for (int i = 0; i < result->size(); ++i) ids.push_back(result->row(i).get<std::int64_t>(0));
  return ids;
}

Json::Value to_row(const NewJob& job, std::int64_t id) {
  Json::Value row{Json::objectValue};
  row["id"] = Json::Int64{id};
  row["kind"] = to_string(job.kind);
  row["state"] =
      to_string(job.after.empty() && job.after_jobs.empty() ? JobState::pending : JobState::waiting);
  row["policy"] = job.policy;
  row["client"] = job.client;
  row["repository"] = job.repository;
  row["borg_url"] = job.borg_url;
  row["archive"] = job.archive;
  row["reason"] = job.reason;
  row["details"] = job.details;
  row["attempt"] = job.attempt;
  return row;
}

Expected<void> insert_jobs(Connection& db, std::int64_t run, const std::vector<NewJob>& jobs,
                           const std::vector<std::int64_t>& ids) {
  Json::Value rows{Json::arrayValue};
  for (std::size_t i = 0; i < jobs.size(); ++i) rows.append(to_row(jobs[i], ids[i]));
  auto inserted = db.run(
      "insert into job (id, run, kind, state, policy, client, repository, borg_url, archive, reason, details,"
      " attempt) overriding system value"
      " select id, $1, kind, state, policy, client, repository, borg_url, archive, reason, details, attempt"
      " from jsonb_to_recordset($2::jsonb) as j (id bigint, kind text, state text, policy text, client text,"
      " repository text, borg_url text, archive text, reason text, details jsonb, attempt text) order by id",
      Params{run, rows});
  if (!inserted) return std::unexpected(inserted.error());
  return {};
}

struct Dependencies {
  std::vector<std::int64_t> jobs, predecessors;  // in pairs
  std::vector<std::int64_t> settled_now;         // jobs with a predecessor that existed before the run
};

Expected<Dependencies> dependencies_of(const std::vector<NewJob>& jobs,
                                       const std::vector<std::int64_t>& ids) {
  Dependencies all;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    for (const std::size_t predecessor : jobs[i].after) {
      if (predecessor >= i) {
        return fail(ErrorCode::failed, fmt::format("job {} of a run comes after job {}", i, predecessor));
      }
      all.jobs.push_back(ids[i]);
      all.predecessors.push_back(ids[predecessor]);
    }
    for (const std::int64_t predecessor : jobs[i].after_jobs) {
      all.jobs.push_back(ids[i]);
      all.predecessors.push_back(predecessor);
    }
    if (!jobs[i].after_jobs.empty()) all.settled_now.push_back(ids[i]);
  }
  return all;
}

Expected<void> insert_dependencies(Connection& db, const Dependencies& all) {
  if (all.jobs.empty()) return {};
  // So that none ends between reading its state and our commit.
  auto locked =
      db.run("select from job where id = any($1::bigint[]) order by id for share", Params{all.predecessors});
  if (!locked) return std::unexpected(locked.error());
  auto inserted = db.run(
      "insert into job_dependency (job, predecessor)"
      " select * from unnest($1::bigint[], $2::bigint[]) on conflict do nothing",
      Params{all.jobs, all.predecessors});
  if (inserted) return {};
  if (db.sqlstate() == "23503") return fail(ErrorCode::no_such_job, inserted.error().message);
  return std::unexpected(inserted.error());
}

Expected<void> add_jobs(Connection& db, std::int64_t run, const std::vector<NewJob>& jobs) {
  if (jobs.empty()) return {};
  auto ids = reserve_ids(db, jobs.size());
  if (!ids) return std::unexpected(ids.error());
  auto dependencies = dependencies_of(jobs, *ids);
  if (!dependencies) return std::unexpected(dependencies.error());
  if (auto inserted = insert_jobs(db, run, jobs, *ids); !inserted) return inserted;
  if (auto linked = insert_dependencies(db, *dependencies); !linked) return linked;
  auto skipped = settle(db, dependencies->settled_now, 0);
  if (!skipped) return std::unexpected(skipped.error());
  return note_status(db, *skipped);
}

}  // namespace

Expected<CreatedRun> create_run(Connection& db, const NewRun& run, const std::string& node) {
  return db.transact<CreatedRun>([&]() -> Expected<CreatedRun> {
    CreatedRun created;
    auto inserted = insert_run(db, run, node);
    if (!inserted) return std::unexpected(inserted.error());
    created.existed = !inserted->has_value();
    if (created.existed) {
      auto found = find_run(db, run);
      if (!found) return std::unexpected(found.error());
      created.run = *found;
    } else {
      created.run = **inserted;
      if (auto good = check_policy(db, run.policy); !good) return std::unexpected(good.error());
    }
    auto borg = ensure_borg_repositories(db, run.borg_repositories, run.secrets);
    if (!borg) return std::unexpected(borg.error());
    created.borg_repositories = std::move(*borg);
    if (!created.existed) {
      if (auto added = add_jobs(db, created.run, run.jobs); !added) return std::unexpected(added.error());
    }
    auto jobs = read_jobs(db, "j.run = $1 order by j.id", Params{created.run});
    if (!jobs) return std::unexpected(jobs.error());
    created.jobs = std::move(*jobs);
    return created;
  });
}

}  // namespace cyborg::store
