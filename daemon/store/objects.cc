// SPDX-License-Identifier: GPL-3.0-or-later
// Schedules, repositories, clients and policies.
#include <fmt/format.h>

#include "store/operations.h"
#include "store/property_sql.h"

namespace cyborg::store {
namespace {

template <typename Object>
Expected<void> write_object(Connection& db, const Object& object, bool create) {
  static const std::string insert = insert_statement<Object>(), update = update_statement<Object>();
  auto result = db.run((create ? insert : update).c_str(), parameters_of(object));
  constexpr ObjectKind kind = kKind<Object>;
  if (!result) {
    if (db.sqlstate() == "23505" && create) {
      return fail(ErrorCode::name_taken, fmt::format("{} {} exists", to_string(kind), object.name));
    }
    return std::unexpected(result.error());
  }
  if (result->affected() == 0) {
    return fail(no_such(kind), fmt::format("there is no {} {}", to_string(kind), object.name));
  }
  return {};
}

// The objects that `where` selects, by name.
template <typename Object>
Expected<std::vector<Object>> read_objects(Connection& db, const char* where = "",
                                           const Params& params = {}) {
  static const std::string select = select_statement<Object>();
  auto result = db.run((select + where + " order by name").c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<Object> objects;
  objects.reserve(static_cast<std::size_t>(result->size()));
  for (int i = 0; i < result->size(); ++i) objects.push_back(object_of<Object>(result->row(i)));
  return objects;
}

template <typename Object>
Expected<std::vector<Object>> read_named(Connection& db, const std::string& name) {
  if (name.empty()) return read_objects<Object>(db);
  return read_objects<Object>(db, " where name = $1", Params{name});
}

// Fails for the first of the names that no object of this kind has.
Expected<void> check_exist(Connection& db, ObjectKind kind, const std::vector<std::string>& names) {
  const std::string sql = fmt::format(
      "select n from unnest($1::text[]) with ordinality as wanted (n, position)"
      " where not exists (select from {} where name = n) order by position limit 1",
      to_string(kind));
  auto result = db.run(sql.c_str(), Params{names});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return {};
  return fail(no_such(kind),
              fmt::format("there is no {} {}", to_string(kind), result->row(0).get<std::string>(0)));
}

// For all rows that are names of other objects.
template <typename Object>
Expected<void> check_references(Connection& db, const Object& object) {
  for (const auto& row : kProperties<Object>) {
    Expected<void> exist;
    if (const auto* reference = std::get_if<Reference<Object>>(&row.member)) {
      const std::string& name = object.*reference->name;
      if (!name.empty()) exist = check_exist(db, reference->kind, {name});
    } else if (const auto* references = std::get_if<References<Object>>(&row.member)) {
      exist = check_exist(db, references->kind, object.*references->names);
    }
    if (!exist) return exist;
  }
  return {};
}

}  // namespace

Expected<void> put_schedule(Connection& db, const Schedule& schedule, bool create) {
  return write_object(db, schedule, create);
}

Expected<std::vector<Schedule>> read_schedules(Connection& db) {
  return read_objects<Schedule>(db);
}

namespace {

// Borg repositories, their locks and passphrases are identified by the URL: another URL is another
// repository.
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

Expected<void> write_repository(Connection& db, const Repository& repository, bool create) {
  auto written = write_object(db, repository, create);
  if (!written && db.constraint() == "repository_url_key") {
    return fail(ErrorCode::invalid_argument,
                fmt::format("url {} already belongs to another repository", repository.url),
                "cyborgctl repository list shows which");
  }
  return written;
}

// Keep the passphrase that borg may already use, and the pending one; drop only those never tried.
Expected<void> refuse_replacement(Connection& db, const Secret& secret, const std::string& repository) {
  auto known = db.run("select public_part from secret where kind = $1 and owner = $2 and field = $3",
                      Params{secret.key.kind, secret.key.owner, secret.key.field});
  if (!known) return std::unexpected(known.error());
  const bool free =
      known->empty() || (known->row(0).get<std::string>(0) != kChanging && secret.public_part != kChanging);
  if (free) return {};
  return fail(
      ErrorCode::in_use,
      fmt::format("it is unknown which passphrase {} has: the next preparation finds out", secret.key.owner),
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
    if (auto good = check_references(db, repository); !good) return good;
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
  return read_named<Repository>(db, name);
}

Expected<void> put_client(Connection& db, const Client& client, bool create) {
  return write_object(db, client, create);
}

Expected<std::vector<Client>> read_clients(Connection& db, const std::string& name) {
  return read_named<Client>(db, name);
}

namespace {

// Replaces a policy's rows in policy_repository or policy_client.
Expected<void> write_members(Connection& db, ObjectKind kind, const std::string& policy,
                             const std::vector<std::string>& names) {
  const std::string remove = fmt::format("delete from policy_{} where policy = $1", to_string(kind));
  if (auto removed = db.run(remove.c_str(), Params{policy}); !removed) {
    return std::unexpected(removed.error());
  }
  const std::string insert = fmt::format(
      "insert into policy_{0} (policy, {0}, position)"
      " select $1, name, min(position) from unnest($2::text[]) with ordinality as given (name, position)"
      " group by name",
      to_string(kind));
  if (auto added = db.run(insert.c_str(), Params{policy, names}); !added)
    return std::unexpected(added.error());
  return {};
}

}  // namespace

Expected<void> put_policy(Connection& db, const Policy& policy, bool create,
                          const std::vector<Secret>& secrets) {
  return db.transact<void>([&]() -> Expected<void> {
    if (auto good = check_references(db, policy); !good) return good;
    if (auto written = write_object(db, policy, create); !written) return written;
    for (const auto& row : kProperties<Policy>) {
      const auto* members = std::get_if<References<Policy>>(&row.member);
      if (!members) continue;
      if (auto set = write_members(db, members->kind, policy.name, policy.*members->names); !set) return set;
    }
    return put_secrets(db, secrets, false);
  });
}

Expected<std::vector<Policy>> read_policies(Connection& db, const std::vector<std::string>* names) {
  if (!names) return read_objects<Policy>(db);
  return read_objects<Policy>(db, " where name = any($1::text[])", Params{*names});
}

}  // namespace cyborg::store
