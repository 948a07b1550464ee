// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/migrate.h"

#include <fmt/format.h>

#include <string>

#include "store/connection.h"

namespace cyborg::store {
namespace {

using std::chrono::minutes;

constexpr std::int64_t kLock = 0x6379626f7267;  // "cyborg"; pg_locks shows it
constexpr auto kStepLimit = minutes{30};        // a later step may rewrite 200,000 jobs

Expected<int> current_version(Connection& connection) {
  auto table = connection.run("select to_regclass('schema_migration') is not null");
  if (!table) return std::unexpected(table.error());
  if (!table->row(0).get<bool>(0)) return 0;
  auto version = connection.run("select coalesce(max(version), 0) from schema_migration");
  if (!version) return std::unexpected(version.error());
  return static_cast<int>(version->row(0).get<std::int64_t>(0));
}

Expected<void> refuse_newer(int found, int known) {
  if (found <= known) return {};
  return fail(
      ErrorCode::failed,
      fmt::format("the database has schema version {}, this cyborgd knows versions up to {}", found, known),
      "install the cyborgd that the database was last used with, or a newer one");
}

Expected<void> apply(Connection& connection, const Migration& step) {
  auto applied = connection.run_script(std::string{step.sql}, kStepLimit);
  if (!applied) return applied;
  auto noted = connection.run("insert into schema_migration (version, name) values ($1, $2)",
                              Params{step.version, std::string{step.name}});
  if (!noted) return std::unexpected(noted.error());
  return {};
}

// Returns true when nothing is left to do. Another server may be migrating: the version is read under the
// lock.
Expected<bool> apply_next(Connection& connection, const std::vector<Migration>& steps) {
  return connection.transact<bool>([&]() -> Expected<bool> {
    auto limits = connection.run_script("set local statement_timeout = 0; set local lock_timeout = 0");
    if (!limits) return std::unexpected(limits.error());
    auto lock = connection.run("select pg_advisory_xact_lock($1)", Params{kLock}, kStepLimit);
    if (!lock) return std::unexpected(lock.error());
    auto table = connection.run_script(
        "create table if not exists schema_migration"
        " (version integer primary key, name text not null, applied timestamptz not null default now())");
    if (!table) return std::unexpected(table.error());
    auto version = current_version(connection);
    if (!version) return std::unexpected(version.error());
    if (*version >= static_cast<int>(steps.size())) return true;
    const Migration& step = steps[static_cast<std::size_t>(*version)];
    if (auto applied = apply(connection, step); !applied) {
      Error error = applied.error();
      error.message = fmt::format("schema migration {} ({}): {}", step.version, step.name, error.message);
      return std::unexpected(std::move(error));
    }
    return false;
  });
}

}  // namespace

Expected<void> migrate(Connection& connection, const std::vector<Migration>& steps) {
  const int known = static_cast<int>(steps.size());
  for (;;) {
    // First without the lock: usually there is nothing to do, and reading needs no right to change the
    // schema.
    auto version = current_version(connection);
    if (!version) return std::unexpected(version.error());
    if (auto newer = refuse_newer(*version, known); !newer) return newer;
    if (*version == known) return {};
    auto done = apply_next(connection, steps);
    if (!done) return std::unexpected(done.error());
  }
}

}  // namespace cyborg::store
