// Schedules, repositories, clients and policies.
#include <fmt/format.h>

#include "core/hooks.h"
#include "plan/maintenance.h"
#include "plan/retention.h"
#include "store/operations.h"

namespace cyborg::store {
namespace {

// `missing` is what an update that finds no row means.
Expected<void> check_written(const Connection& db, Expected<Result> result, bool create, ErrorCode missing,
                             const char* kind, const std::string& name) {
  if (!result) {
    if (db.sqlstate() == "23505" && create) {
      return fail(ErrorCode::name_taken, fmt::format("{} {} exists", kind, name));
    }
    return std::unexpected(result.error());
  }
  if (result->affected() == 0) return fail(missing, fmt::format("there is no {} {}", kind, name));
  return {};
}

// Reads rows that `select` begins, of the object of that name, or of all.
template <typename T, typename Fill>
Expected<std::vector<T>> read_objects(Connection& db, const std::string& select, const std::string& name,
                                      Fill fill) {
  const std::string sql = select + (name.empty() ? " order by name" : " where name = $1");
  auto result = db.run(sql.c_str(), name.empty() ? Params{} : Params{name});
  if (!result) return std::unexpected(result.error());
  std::vector<T> objects(static_cast<std::size_t>(result->size()));
  for (int i = 0; i < result->size(); ++i) fill(result->row(i), objects[static_cast<std::size_t>(i)]);
  return objects;
}

// The first of the names that is not in the table fails with `missing`.
Expected<void> check_exist(Connection& db, const char* table, ErrorCode missing,
                           const std::vector<std::string>& names) {
  const std::string sql = fmt::format(
      "select n from unnest($1::text[]) with ordinality as wanted (n, position)"
      " where not exists (select from {} where name = n) order by position limit 1",
      table);
  auto result = db.run(sql.c_str(), Params{names});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return {};
  return fail(missing, fmt::format("there is no {} {}", table, result->row(0).get<std::string>(0)));
}

}  // namespace

Expected<void> put_schedule(Connection& db, const Schedule& s, bool create) {
  const char* sql = create
                        ? "insert into schedule (name, enabled, crontab, on_calendar, timezone,"
                          " random_delay, random_delay_seconds, calendar)"
                          " values ($1, $2, $3, $4, $5, $6, $7, $8)"
                        : "update schedule set enabled = $2, crontab = $3, on_calendar = $4, timezone = $5,"
                          " random_delay = $6, random_delay_seconds = $7, calendar = $8, changed = now()"
                          " where name = $1";
  auto result = db.run(sql, Params{s.name, s.enabled, s.crontab, s.on_calendar, s.timezone, s.random_delay,
                                   s.random_delay_seconds, s.calendar});
  return check_written(db, std::move(result), create, ErrorCode::no_such_schedule, "schedule", s.name);
}

Expected<std::vector<Schedule>> read_schedules(Connection& db) {
  return read_objects<Schedule>(
      db,
      "select name, enabled, crontab, on_calendar, timezone, random_delay, random_delay_seconds, calendar"
      " from schedule",
      {}, [](Row row, Schedule& s) {
        row.read(s.name, s.enabled, s.crontab, s.on_calendar, s.timezone, s.random_delay,
                 s.random_delay_seconds, s.calendar);
      });
}

namespace {

// Borg repositories, their locks and passphrases hang on the URL: another URL is another repository.
Expected<void> refuse_move(Connection& db, const Repository& wanted) {
  auto found = read_repositories(db, wanted.name);
  if (!found) return std::unexpected(found.error());
  if (found->empty()) return {};
  const Repository& r = found->front();
  const auto refuse = [&](const char* field, const std::string& is, const std::string& value) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("the {} of repository {} is {}, and cannot become {}", field, r.name, is, value),
                "add another repository");
  };
  if (r.url != wanted.url) return refuse("url", r.url, wanted.url);
  if (r.encryption != wanted.encryption) return refuse("encryption", r.encryption, wanted.encryption);
  return {};
}

Expected<void> write_repository(Connection& db, const Repository& r, bool create) {
  const char* sql =
      create
          ? "insert into repository (name, enabled, url, encryption, transport, append_only, shared, "
            "host_key,"
            " check_schedule, compact_schedule, check_max_duration, check_max_duration_seconds,"
            " check_verify_data, verify_schedule, authorize, host_public_key)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), $11, $12, $13,"
            " nullif($14, ''), $15, $16)"
          : "update repository set enabled = $2, url = $3, encryption = $4, transport = $5, append_only = $6,"
            " shared = $7, host_key = $8, check_schedule = nullif($9, ''), compact_schedule = nullif($10, "
            "''),"
            " check_max_duration = $11, check_max_duration_seconds = $12, check_verify_data = $13,"
            " verify_schedule = nullif($14, ''), authorize = $15, host_public_key = $16, changed = now()"
            " where name = $1";
  auto result = db.run(
      sql, Params{r.name, r.enabled, r.url, r.encryption, r.transport, r.append_only, r.shared, r.host_key,
                  r.check_schedule, r.compact_schedule, r.check_max_duration, r.check_max_duration_seconds,
                  r.check_verify_data, r.verify_schedule, r.authorize, r.host_public_key});
  if (!result && db.constraint() == "repository_url_key") {
    return fail(ErrorCode::invalid_argument, fmt::format("url {} is another repository's already", r.url),
                "cyborgctl repository list shows which");
  }
  return check_written(db, std::move(result), create, ErrorCode::no_such_repository, "repository", r.name);
}

// One that borg may have by now must not get lost, nor one that is to be tried for the sake of one that
// nobody has tried.
Expected<void> refuse_replacement(Connection& db, const Secret& secret, const std::string& repository) {
  auto known = db.run("select public_part from secret where kind = $1 and owner = $2 and field = $3",
                      Params{secret.key.kind, secret.key.owner, secret.key.field});
  if (!known) return std::unexpected(known.error());
  const bool free =
      known->empty() || (known->row(0).get<std::string>(0) != kChanging && secret.public_part != kChanging);
  if (free) return {};
  return fail(ErrorCode::in_use,
              fmt::format("it is not known yet which passphrase {} has: the next preparation finds out",
                          secret.key.owner),
              fmt::format("cyborgctl repository prepare {}", repository));
}

Expected<void> unready(Connection& db, const std::vector<Secret>& secrets) {
  std::vector<std::string> urls;
  for (const auto& [key, sealed, part] : secrets) {
    if (key == new_passphrase_key(key.owner)) urls.push_back(key.owner);
  }
  if (urls.empty()) return {};
  auto marked = db.run("update borg_repository set ready = false where url = any($1::text[])", Params{urls});
  if (!marked) return std::unexpected(marked.error());
  return {};
}

}  // namespace

Expected<void> put_repository(Connection& db, const Repository& repository, bool create,
                              const std::vector<Secret>& secrets) {
  return db.transact<void>([&]() -> Expected<void> {
    if (!create) {
      if (auto same = refuse_move(db, repository); !same) return same;
    }
    for (const auto& maintenance : maintenance_table()) {
      const std::string& name = repository.*maintenance.schedule;
      if (name.empty()) continue;
      if (auto known = check_exist(db, "schedule", ErrorCode::no_such_schedule, {name}); !known) return known;
    }
    if (auto written = write_repository(db, repository, create); !written) return written;
    for (const auto& secret : secrets) {
      if (secret.key != new_passphrase_key(secret.key.owner)) continue;
      if (auto free = refuse_replacement(db, secret, repository.name); !free) return free;
    }
    if (auto stored = put_secrets(db, secrets, false); !stored) return stored;
    return unready(db, secrets);
  });
}

Expected<std::vector<Repository>> read_repositories(Connection& db, const std::string& name) {
  return read_objects<Repository>(
      db,
      "select name, enabled, url, encryption, transport, append_only, shared, host_key,"
      " coalesce(check_schedule, ''), coalesce(compact_schedule, ''), check_max_duration,"
      " check_max_duration_seconds, check_verify_data, coalesce(verify_schedule, ''), authorize,"
      " host_public_key from repository",
      name, [](Row row, Repository& r) {
        row.read(r.name, r.enabled, r.url, r.encryption, r.transport, r.append_only, r.shared, r.host_key,
                 r.check_schedule, r.compact_schedule, r.check_max_duration, r.check_max_duration_seconds,
                 r.check_verify_data, r.verify_schedule, r.authorize, r.host_public_key);
      });
}

Expected<void> put_client(Connection& db, const Client& c, bool create) {
  const char* sql = create
                        ? "insert into client (name, enabled, local, address, port, \"user\", jump, host_key,"
                          " ready, addresses, operating_system, borg_version, hostname)"
                          " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
                        : "update client set enabled = $2, local = $3, address = $4, port = $5,"
                          " \"user\" = $6, jump = $7, host_key = $8, ready = $9, addresses = $10,"
                          " operating_system = $11, borg_version = $12, hostname = $13, changed = now()"
                          " where name = $1";
  auto result = db.run(sql, Params{c.name, c.enabled, c.local, c.address, c.port, c.user, c.jump, c.host_key,
                                   c.ready, c.addresses, c.operating_system, c.borg_version, c.hostname});
  return check_written(db, std::move(result), create, ErrorCode::no_such_client, "client", c.name);
}

Expected<std::vector<Client>> read_clients(Connection& db, const std::string& name) {
  return read_objects<Client>(
      db,
      "select name, enabled, local, address, port, \"user\", jump, host_key, ready, addresses,"
      " operating_system, borg_version, hostname from client",
      name, [](Row row, Client& c) {
        row.read(c.name, c.enabled, c.local, c.address, c.port, c.user, c.jump, c.host_key, c.ready,
                 c.addresses, c.operating_system, c.borg_version, c.hostname);
      });
}

namespace {

Expected<void> write_policy(Connection& db, const Policy& p, bool create) {
  const char* sql =
      create
          ? "insert into policy (name, enabled, type, schedule, variables, exclude,"
            " compression, upload_limit, timeout, timeout_seconds, keep, client_keep,"
            " hooks, catalog, canaries)"
            " values ($1, $2, $3, nullif($4, ''), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
          : "update policy set enabled = $2, type = $3, schedule = nullif($4, ''),"
            " variables = $5, exclude = $6, compression = $7, upload_limit = $8,"
            " timeout = $9, timeout_seconds = $10, keep = $11, client_keep = $12, hooks = $13, catalog = $14,"
            " canaries = $15, changed = now() where name = $1";
  Json::Value client_keep{Json::objectValue};
  for (const auto& [client, keep] : p.client_keep) client_keep[client] = to_json(keep);
  auto result = db.run(sql, Params{p.name, p.enabled, p.type, p.schedule, p.variables, p.exclude,
                                   p.compression, p.upload_limit, p.timeout, p.timeout_seconds,
                                   to_json(p.keep), client_keep, to_json(p.hooks), p.catalog, p.canaries});
  return check_written(db, std::move(result), create, ErrorCode::no_such_policy, "policy", p.name);
}

// Replaces a policy's rows in policy_repository or policy_client.
Expected<void> write_members(Connection& db, const char* kind, const std::string& policy,
                             const std::vector<std::string>& names) {
  const std::string remove = fmt::format("delete from policy_{} where policy = $1", kind);
  if (auto removed = db.run(remove.c_str(), Params{policy}); !removed) {
    return std::unexpected(removed.error());
  }
  const std::string insert = fmt::format(
      "insert into policy_{0} (policy, {0}, position)"
      " select $1, name, min(position) from unnest($2::text[]) with ordinality as given (name, position)"
      " group by name",
      kind);
  if (auto added = db.run(insert.c_str(), Params{policy, names}); !added)
    return std::unexpected(added.error());
  return {};
}

Expected<void> check_references(Connection& db, const Policy& p) {
  if (!p.schedule.empty()) {
    auto schedule = check_exist(db, "schedule", ErrorCode::no_such_schedule, {p.schedule});
    if (!schedule) return schedule;
  }
  auto repositories = check_exist(db, "repository", ErrorCode::no_such_repository, p.repositories);
  if (!repositories) return repositories;
  return check_exist(db, "client", ErrorCode::no_such_client, p.clients);
}

}  // namespace

Expected<void> put_policy(Connection& db, const Policy& policy, bool create,
                          const std::vector<Secret>& secrets) {
  return db.transact<void>([&]() -> Expected<void> {
    if (auto good = check_references(db, policy); !good) return good;
    if (auto written = write_policy(db, policy, create); !written) return written;
    if (auto set = write_members(db, "repository", policy.name, policy.repositories); !set) return set;
    if (auto set = write_members(db, "client", policy.name, policy.clients); !set) return set;
    return put_secrets(db, secrets, false);
  });
}

Expected<std::vector<Policy>> read_policies(Connection& db, const std::vector<std::string>* names) {
  std::string sql =
      "select name, enabled, type, coalesce(schedule, ''), variables, exclude, compression, upload_limit,"
      " timeout, timeout_seconds, catalog, canaries,"
      " array(select repository from policy_repository where policy = name order by position),"
      " array(select client from policy_client where policy = name order by position), keep, client_keep,"
      " hooks from policy";
  if (names) sql += " where name = any($1::text[])";
  auto result = db.run((sql + " order by name").c_str(), names ? Params{*names} : Params{});
  if (!result) return std::unexpected(result.error());
  std::vector<Policy> policies;
  for (int i = 0; i < result->size(); ++i) {
    Policy& p = policies.emplace_back();
    Json::Value keep, client_keep, hooks;
    result->row(i).read(p.name, p.enabled, p.type, p.schedule, p.variables, p.exclude, p.compression,
                        p.upload_limit, p.timeout, p.timeout_seconds, p.catalog, p.canaries, p.repositories,
                        p.clients, keep, client_keep, hooks);
    p.hooks = hooks_from_json(hooks).value_or(std::vector<Hook>{});
    p.keep = retention_from_json(keep);
    for (const auto& client : client_keep.getMemberNames()) {
      p.client_keep.emplace(client, retention_from_json(client_keep[client]));
    }
  }
  return policies;
}

}  // namespace cyborg::store
