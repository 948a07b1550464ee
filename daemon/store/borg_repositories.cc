// SPDX-License-Identifier: GPL-3.0-or-later
// borg repositories, one for each expanded URL.
#include <fmt/format.h>

#include "store/operations.h"

namespace cyborg::store {
namespace {

constexpr std::string_view kColumns =
    "id, repository, coalesce(client, ''), url, ready, borg_id, usec(damaged), coalesce(damaged_job, 0),"
    " direct_key, direct_line, direct_manual, direct_host_key";

void fill(Row row, BorgRepository& r) {
  row.read(r.id, r.repository, r.client, r.url, r.ready, r.borg_id, r.damaged, r.damaged_job, r.direct.key,
           r.direct.line, r.direct.manual, r.direct.host_key);
}

// The row of a removed repository is adopted by the repository that has its URL now, since archives and
// passphrase are still valid. The row of an existing repository is not.
Expected<BorgRepository> ensure(Connection& db, const BorgRepository& wanted) {
  const std::string sql = fmt::format(
      "insert into borg_repository as b (repository, client, url) values ($1, nullif($2, ''), $3)"
      " on conflict (url) do update set repository = excluded.repository, client = excluded.client"
      " where b.repository = excluded.repository"
      "    or not exists (select from repository where name = b.repository)"
      " returning {}",
      kColumns);
  auto written = db.run(sql.c_str(), Params{wanted.repository, wanted.client, wanted.url});
  if (!written) return std::unexpected(written.error());
  if (written->empty()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is in use by another repository than {}", wanted.url, wanted.repository),
                "cyborgctl repository list shows which; give each repository a url of its own");
  }
  BorgRepository stored;
  fill(written->row(0), stored);
  return stored;
}

}  // namespace

Expected<std::vector<BorgRepository>> read_borg_repositories(Connection& db, const std::string& url) {
  const std::string sql = fmt::format("select {} from borg_repository {}", kColumns,
                                      url.empty() ? "order by id" : "where url = $1");
  auto result = db.run(sql.c_str(), url.empty() ? Params{} : Params{url});
  if (!result) return std::unexpected(result.error());
  std::vector<BorgRepository> all(static_cast<std::size_t>(result->size()));
  for (int i = 0; i < result->size(); ++i) fill(result->row(i), all[static_cast<std::size_t>(i)]);
  return all;
}

Expected<std::vector<BorgRepository>> ensure_borg_repositories(Connection& db,
                                                               const std::vector<BorgRepository>& wanted,
                                                               const std::vector<Secret>& secrets_if_absent) {
  std::vector<BorgRepository> all;
  for (const auto& one : wanted) {
    auto stored = ensure(db, one);
    if (!stored) return std::unexpected(stored.error());
    all.push_back(std::move(*stored));
  }
  if (auto kept = put_secrets(db, secrets_if_absent, true); !kept) return std::unexpected(kept.error());
  return all;
}

Expected<void> forget_keys(Connection& db, const std::vector<std::string>& borg_urls) {
  auto forgotten =
      db.run("update borg_repository set direct_line = '' where url = any($1::text[])", Params{borg_urls});
  if (!forgotten) return std::unexpected(forgotten.error());
  return {};
}

}  // namespace cyborg::store
