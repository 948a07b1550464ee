// SPDX-License-Identifier: GPL-3.0-or-later
// Archives, and the status of the fleet.
#include <fmt/format.h>

#include "store/filter.h"
#include "store/operations.h"

namespace cyborg::store {
namespace {

constexpr const char* kSelect =
    "select a.id, a.name, a.borg_id, a.job, a.policy, a.client, a.repository, b.url, usec(a.created),"
    " a.original_size, a.compressed_size, a.deduplicated_size, a.nfiles, a.duration,"
    " a.pinned, a.comment, usec(a.missing), usec(a.removed)"
    " from archive a join borg_repository b on b.id = a.borg_repository where ";

Expected<std::vector<Archive>> select(Connection& db, const std::string& where, const Params& params) {
  auto result = db.run((kSelect + where).c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<Archive> archives;
  for (int i = 0; i < result->size(); ++i) {
    Archive& a = archives.emplace_back();
    result->row(i).read(a.id, a.name, a.borg_id, a.job, a.policy, a.client, a.repository, a.borg_url,
                        a.created, a.original_size, a.compressed_size, a.deduplicated_size, a.nfiles,
                        a.duration, a.pinned, a.comment, a.missing, a.removed);
  }
  return archives;
}

}  // namespace

Expected<std::vector<Archive>> read_archives(Connection& db, const std::string& where, const Params& params) {
  return select(db, "a.removed is null and " + where, params);
}

Expected<Page<Archive>> list_archives(Connection& db, const ArchiveFilter& filter, std::uint32_t limit,
                                      std::int64_t cursor) {
  Filter where;
  where.equal("a.policy", filter.policy);
  where.equal("a.client", filter.client);
  where.equal("a.repository", filter.repository);
  where.equal("a.name", filter.name);
  where.since("a.job in (select id from job where finished >= instant(${}))", filter.since);
  where.page("a.id", limit, cursor);
  auto archives = filter.since != 0 ? select(db, where.sql(), where.params())
                                    : read_archives(db, where.sql(), where.params());
  if (!archives) return std::unexpected(archives.error());
  return to_page(std::move(*archives), limit);
}

// A policy with two repositories creates two archives with the same name. Names of objects contain no colon.
Expected<Archive> get_archive(Connection& db, const std::string& name) {
  const auto separator = name.find("::");
  const bool qualified = separator != std::string::npos;
  auto found = qualified ? read_archives(db, "a.repository = $1 and a.name = $2 order by a.id desc",
                                         Params{name.substr(0, separator), name.substr(separator + 2)})
                         : read_archives(db, "a.name = $1 order by a.repository, a.id desc", Params{name});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return fail(ErrorCode::no_such_archive, fmt::format("there is no archive {}", name));
  const Archive& archive = found->front();
  if (!qualified && archive.repository != found->back().repository) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("archive {} is in repository {} and in repository {}", name, archive.repository,
                            found->back().repository),
                fmt::format("write {}::{}", archive.repository, name));
  }
  return archive;
}

Expected<Archive> update_archive(Connection& db, const std::string& name, const ArchiveUpdate& update) {
  return db.transact<Archive>([&]() -> Expected<Archive> {
    const auto archive = get_archive(db, name);
    if (!archive) return archive;
    auto updated = db.run(
        "update archive set pinned = coalesce($2, pinned), comment = coalesce($3, comment) where id = $1",
        Params{archive->id, update.pinned, update.comment});
    if (!updated) return std::unexpected(updated.error());
    return get_archive(db, archive->repository + "::" + archive->name);
  });
}

Expected<Series> get_series(Connection& db, const std::string& policy, const std::string& client,
                            const std::string& borg_url, const std::string& zone) {
  auto result = db.run(
      "select a.id, a.name, a.borg_id, usec(a.created), a.pinned, a.missing is not null,"
      " to_char(l.at, 'YYYY-MM-DD HH24'), to_char(l.at, 'YYYY-MM-DD'), to_char(l.at, 'IYYY-IW'),"
      " to_char(l.at, 'YYYY-MM'), to_char(l.at, 'YYYY')"
      " from archive a join borg_repository b on b.id = a.borg_repository,"
      " lateral (select in_zone(a.created, $4) as at) l"
      " where b.url = $3 and a.policy = $1 and a.client = $2 and a.removed is null"
      " order by a.created desc, a.id desc",
      Params{policy, client, borg_url, zone});
  if (!result) return std::unexpected(result.error());
  Series series;
  for (int i = 0; i < result->size(); ++i) {
    RetentionArchive& a = series.archives.emplace_back();
    result->row(i).read(a.id, a.name, a.borg_id, a.created, a.pinned, a.missing, a.hour, a.day, a.week,
                        a.month, a.year);
  }
  auto last = db.run(
      "select s.last_end_state from backup_status s join borg_repository b on b.repository = s.repository"
      " where s.policy = $1 and s.client = $2 and b.url = $3 and s.last_end_state <> ''",
      Params{policy, client, borg_url});
  if (!last) return std::unexpected(last.error());
  if (!last->empty()) series.last_backup = last->row(0).get<JobState>(0);
  return series;
}

Expected<std::vector<Archive>> archives_of_client(Connection& db, const std::string& client) {
  return read_archives(db,
                       "a.client = $1 and a.removed is null and a.missing is null order by a.created, a.id",
                       Params{client});
}

Expected<std::optional<Archive>> read_archive_of_job(Connection& db, std::int64_t job) {
  auto found = read_archives(db, "a.job = $1 order by a.id desc", Params{job});
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return std::nullopt;
  return std::move(found->front());
}

Expected<std::vector<FleetRow>> fleet_status(Connection& db) {
  auto result = db.run(
      "select c.policy, c.client, r.repository, usec(s.last_success), coalesce(s.last_success_job, 0),"
      " coalesce(s.last_success_archive, ''), coalesce(a.original_size, 0), coalesce(a.deduplicated_size, 0),"
      " usec(s.last_end), coalesce(s.last_end_job, 0),"
      " nullif(s.last_end_state, ''), coalesce(s.last_end_reason, ''), usec(v.proven),"
      " coalesce(v.proven_job, 0), coalesce(v.proven_archive, ''), coalesce(v.how, ''),"
      " coalesce(v.restore_duration, 0), usec(v.last_end), coalesce(v.last_end_job, 0),"
      " nullif(v.last_end_state, ''), coalesce(v.last_end_reason, '')"
      " from policy_client c join policy_repository r on r.policy = c.policy"
      " left join backup_status s"
      "  on s.policy = c.policy and s.client = c.client and s.repository = r.repository"
      " left join archive a on a.job = s.last_success_job"
      " left join proof v"
      "  on v.policy = c.policy and v.client = c.client and v.repository = r.repository"
      " order by c.policy, c.client, r.position");
  if (!result) return std::unexpected(result.error());
  std::vector<FleetRow> rows(static_cast<std::size_t>(result->size()));
  for (int i = 0; i < result->size(); ++i) {
    FleetRow& r = rows[static_cast<std::size_t>(i)];
    result->row(i).read(r.policy, r.client, r.repository, r.last_success, r.last_success_job,
                        r.last_success_archive, r.original_size, r.deduplicated_size, r.last_end,
                        r.last_end_job, r.last_end_state, r.last_end_reason, r.proven, r.proven_job,
                        r.proven_archive, r.proven_how, r.restore_duration, r.verify_end, r.verify_job,
                        r.verify_state, r.verify_reason);
  }
  return rows;
}

}  // namespace cyborg::store
