// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that the daemon keeps in memory, read in one snapshot.
#include "store/operations.h"

namespace cyborg::store {
namespace {

template <typename T>
bool take(Expected<T> from, T& to, std::optional<Error>& error) {
  if (from) {
    to = std::move(*from);
  } else {
    error = from.error();
  }
  return from.has_value();
}

Expected<Snapshot> read_all(Connection& db) {
  if (auto set = db.run("set transaction isolation level repeatable read, read only"); !set) {
    return std::unexpected(set.error());
  }
  Snapshot all;
  std::optional<Error> error;
  const bool good = take(read_schedules(db), all.schedules, error) &&
                    take(read_repositories(db), all.repositories, error) &&
                    take(read_borg_repositories(db), all.borg_repositories, error) &&
                    take(read_clients(db), all.clients, error) &&
                    take(read_policies(db), all.policies, error) &&
                    take(read_settings(db), all.settings, error) &&
                    take(read_jobs(db, "j.finished is null order by j.id", {}), all.jobs, error) &&
                    take(get_secret(db, kServerSshKey), all.ssh_key, error);
  if (!good) return std::unexpected(std::move(*error));
  return all;
}

}  // namespace

Expected<Snapshot> load(Connection& db) {
  return db.transact<Snapshot>([&] { return read_all(db); });
}

}  // namespace cyborg::store
