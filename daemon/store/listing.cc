// SPDX-License-Identifier: GPL-3.0-or-later
// The effects of a repository listing on the history: archives that have disappeared, and foreign ones.
#include <fmt/format.h>

#include "store/operations.h"

namespace cyborg::store {
namespace {

// The input comes from a job: malformed entries are left out.
Json::Value checked(const Json::Value& archives) {
  Json::Value good{Json::arrayValue};
  if (!archives.isArray()) return good;
  for (const auto& archive : archives) {
    if (!archive.isObject() || !archive["name"].isString() || !archive["id"].isString()) continue;
    const std::string id = archive["id"].asString();
    const bool hex = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!hex || archive["name"].asString().empty() || !archive["created"].isInt64()) continue;
    Json::Value& one = good.append(Json::objectValue);
    for (const char* key : {"name", "id", "created"}) one[key] = archive[key];
    for (const char* key : {"original_size", "compressed_size", "deduplicated_size", "nfiles"}) {
      one[key] = archive[key].isInt64() ? archive[key] : Json::Value{0};
    }
    one["duration"] = archive["duration"].isNumeric() ? archive["duration"] : Json::Value{0};
  }
  return good;
}

Expected<std::int64_t> affected(Expected<Result> result) {
  if (!result) return std::unexpected(result.error());
  return result->affected();
}

Expected<std::int64_t> mark_missing(Connection& db, const std::string& url, const Json::Value& listed) {
  auto found = db.run(
      "update archive a set missing = null from borg_repository b"
      " where b.id = a.borg_repository and b.url = $1 and a.missing is not null and a.removed is null"
      " and exists (select from jsonb_to_recordset($2::jsonb) as l (id text) where l.id = a.borg_id)",
      Params{url, listed});
  if (!found) return std::unexpected(found.error());
  return affected(
      db.run("update archive a set missing = now() from borg_repository b"
             " where b.id = a.borg_repository and b.url = $1 and a.missing is null and a.removed is null"
             " and a.borg_id not in (select l.id from jsonb_to_recordset($2::jsonb) as l (id text))",
             Params{url, listed}));
}

// An imported archive replaces a missing one of the same name.
Expected<std::int64_t> import(Connection& db, const Job& job, const Json::Value& wanted) {
  return affected(db.run(
      "insert into archive as a (borg_repository, name, borg_id, job, policy, client, repository, created,"
      " original_size, compressed_size, deduplicated_size, nfiles, duration)"
      " select b.id, w.name, w.id, $1, $2, $3, $4, instant(w.created), w.original_size,"
      " w.compressed_size, w.deduplicated_size, w.nfiles, least(w.duration, 1e9)::bigint * 1000000"
      " from borg_repository b, jsonb_to_recordset($6::jsonb) as w (name text, id text, created bigint,"
      " original_size bigint, compressed_size bigint, deduplicated_size bigint, nfiles bigint,"
      " duration double precision)"
      " where b.url = $5 and not exists (select from archive o where o.borg_repository = b.id"
      "   and o.borg_id = w.id and o.removed is null and o.missing is null)"
      " order by w.created, w.name"
      " on conflict (borg_repository, name) do update set borg_id = excluded.borg_id, job = excluded.job,"
      " policy = excluded.policy, client = excluded.client, created = excluded.created,"
      " original_size = excluded.original_size, compressed_size = excluded.compressed_size,"
      " deduplicated_size = excluded.deduplicated_size, nfiles = excluded.nfiles, duration = "
      "excluded.duration,"
      " pinned = false, comment = '', removed = null, removed_by = null, missing = null"
      " where a.removed is not null or a.missing is not null",
      Params{job.id, job.policy, job.client, job.repository, job.borg_url, wanted}));
}

Expected<std::int64_t> note_foreign(Connection& db, const std::string& url, const Json::Value& listed) {
  auto forgotten = db.run(
      "delete from foreign_archive f using borg_repository b where b.id = f.borg_repository and b.url = $1",
      Params{url});
  if (!forgotten) return std::unexpected(forgotten.error());
  auto noted = affected(db.run(
      "insert into foreign_archive (borg_repository, name, borg_id, created)"
      " select b.id, l.name, l.id, instant(l.created)"
      " from borg_repository b, jsonb_to_recordset($2::jsonb) as l (name text, id text, created bigint)"
      " where b.url = $1 and not exists (select from archive a where a.borg_repository = b.id"
      "   and a.borg_id = l.id and a.removed is null) on conflict do nothing",
      Params{url, listed}));
  if (!noted) return noted;
  auto dated = db.run("update borg_repository set listed = now() where url = $1", Params{url});
  if (!dated) return std::unexpected(dated.error());
  return noted;
}

struct Counts {
  std::int64_t listed = 0, gone = 0, imported = 0, foreign = 0;
};

std::string sentence(const Counts& counts) {
  std::string text = fmt::format("{} archives", counts.listed);
  if (counts.imported > 0) text += fmt::format(", {} of them taken into the history", counts.imported);
  if (counts.foreign > 0) text += fmt::format(", {} that the history does not have", counts.foreign);
  return text;
}

JobResult with_counts(JobResult result, const Job& job, const Counts& counts) {
  result.facts["archives"] = Json::Int64{counts.listed};
  result.facts["foreign"] = Json::Int64{counts.foreign};
  result.facts["missing"] = Json::Int64{counts.gone};
  if (job.kind == JobKind::list) {
    result.facts["imported"] = Json::Int64{counts.imported};
    result.message = sentence(counts);
  }
  if (counts.gone == 0) return result;
  // Another program deleted them, which must be noticed.
  end_as(result, ResultCode::archives_missing,
         fmt::format("{}; {} of the history's are missing", result.message, counts.gone));
  return result;
}

}  // namespace

Expected<JobResult> take_listing(Connection& db, const Job& job, const JobResult& result) {
  const bool asked = job.kind == JobKind::list || job.kind == JobKind::check;
  if (!asked || !is_good(result) || !result.facts["archives"].isArray()) return result;
  const Json::Value listed = checked(result.facts["archives"]);
  Counts counts;
  counts.listed = listed.size();
  auto gone = mark_missing(db, job.borg_url, listed);
  if (!gone) return std::unexpected(gone.error());
  counts.gone = *gone;
  if (job.kind == JobKind::list) {
    auto imported = import(db, job, checked(result.facts["imported"]));
    if (!imported) return std::unexpected(imported.error());
    counts.imported = *imported;
  }
  auto foreign = note_foreign(db, job.borg_url, listed);
  if (!foreign) return std::unexpected(foreign.error());
  counts.foreign = *foreign;
  return with_counts(result, job, counts);
}

// A series takes archives only in the order of their creation.
Expected<std::vector<Archive>> read_imported(Connection& db, const Job& job) {
  return read_archives(
      db,
      "a.job = $1 and a.removed is null and not exists (select from catalog.archive c"
      " join archive o on o.id = c.archive"
      " where o.borg_repository = a.borg_repository and o.policy = a.policy and o.client = a.client"
      " and o.created > a.created) order by a.created, a.id",
      Params{job.id});
}

Expected<Page<RepositoryArchive>> list_repository_archives(Connection& db,
                                                           const std::vector<std::string>& urls,
                                                           const std::string& state, std::uint32_t limit,
                                                           std::int64_t cursor) {
  auto result = db.run(
      "select * from ("
      " select b.url, a.name, a.borg_id, usec(a.created) as created,"
      "  case when a.missing is null then 'known' else 'missing' end as state, a.policy, a.client, a.job"
      "  from archive a join borg_repository b on b.id = a.borg_repository"
      "  where b.url = any($1::text[]) and a.removed is null"
      " union all select b.url, f.name, f.borg_id, usec(f.created), 'foreign', '', '', 0"
      "  from foreign_archive f join borg_repository b on b.id = f.borg_repository"
      "  where b.url = any($1::text[])) found"
      " where $2 = '' or state = $2 order by created desc, url, name limit $3 offset $4",
      Params{urls, state, static_cast<std::int64_t>(limit) + 1, cursor});
  if (!result) return std::unexpected(result.error());
  Page<RepositoryArchive> page;
  for (int i = 0; i < result->size(); ++i) {
    RepositoryArchive& a = page.rows.emplace_back();
    result->row(i).read(a.borg_url, a.name, a.borg_id, a.created, a.state, a.policy, a.client, a.job);
  }
  if (page.rows.size() > limit) {
    page.rows.resize(limit);
    page.next = cursor + limit;
  }
  return page;
}

}  // namespace cyborg::store
