// SPDX-License-Identifier: GPL-3.0-or-later
// Removing objects. History keeps names, so nothing of it is lost; without force, removals are refused that
// are probably a mistake.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "store/operations.h"

namespace cyborg::store {
namespace {

struct Kind {
  const char* name;  // the name of the table, and of the column in history
  ErrorCode missing;
  const char* users;   // the policies that use $1
  const char* detach;  // removes $1 from the objects that use it
  bool has_history;
};

constexpr Kind kSchedule{
    "schedule", ErrorCode::no_such_schedule, "select name from policy where schedule = $1",
    "with upkeep as (update repository set check_schedule = nullif(check_schedule, $1),"
    "  verify_schedule = nullif(verify_schedule, $1), compact_schedule = nullif(compact_schedule, $1),"
    "  changed = now()"
    "  where $1 in (check_schedule, verify_schedule, compact_schedule))"
    " update policy set schedule = null, changed = now() where schedule = $1",
    false};
constexpr Kind kRepository{"repository", ErrorCode::no_such_repository,
                           "select policy from policy_repository where repository = $1",
                           "delete from policy_repository where repository = $1", true};
constexpr Kind kClient{"client", ErrorCode::no_such_client,
                       "select policy from policy_client where client = $1",
                       "delete from policy_client where client = $1", true};
// No object uses a policy; detaching it frees its members.
constexpr Kind kPolicy{"policy", ErrorCode::no_such_policy,
                       "select name from policy where false and name = $1",
                       "with freed as (delete from policy_client where policy = $1)"
                       " delete from policy_repository where policy = $1",
                       true};

Expected<std::vector<std::string>> read_names(Connection& db, const std::string& sql, const Params& params) {
  auto result = db.run(sql.c_str(), params);
  if (!result) return std::unexpected(result.error());
  std::vector<std::string> names;
  for (int i = 0; i < result->size(); ++i) names.push_back(result->row(i).get<std::string>(0));
  return names;
}

Expected<std::int64_t> count(Connection& db, const std::string& from_where, const std::string& name) {
  const std::string sql = "select count(*) from " + from_where;
  auto result = db.run(sql.c_str(), Params{name});
  if (!result) return std::unexpected(result.error());
  return result->row(0).get<std::int64_t>(0);
}

Expected<void> lock(Connection& db, const Kind& kind, const std::string& name) {
  const std::string sql = fmt::format("select from {} where name = $1 for update", kind.name);
  auto result = db.run(sql.c_str(), Params{name});
  if (!result) return std::unexpected(result.error());
  if (result->empty()) return fail(kind.missing, fmt::format("there is no {} {}", kind.name, name));
  return {};
}

Expected<void> refuse_unfinished(Connection& db, const Kind& kind, const std::string& name) {
  if (!kind.has_history) return {};
  auto jobs = read_names(
      db,
      fmt::format("select id from job where {} = $1 and finished is null and kind <> 'withdraw' order by id",
                  kind.name),
      Params{name});
  if (!jobs) return std::unexpected(jobs.error());
  if (jobs->empty()) return {};
  constexpr std::size_t kShown = 5;
  const auto shown = std::min(jobs->size(), kShown);
  return fail(ErrorCode::in_use,
              fmt::format("{} {} has {} unfinished job{}: {}{}", kind.name, name, jobs->size(),
                          jobs->size() == 1 ? "" : "s",
                          fmt::join(jobs->begin(), jobs->begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                          jobs->size() > shown ? " …" : ""),
              "wait for them, or cancel them with cyborgctl job cancel");
}

// The objects that depend on this one, in words for people.
Expected<std::vector<std::string>> dependants(Connection& db, const Kind& kind, const std::string& name,
                                              const std::vector<std::string>& users) {
  std::vector<std::string> all;
  if (!users.empty()) {
    all.push_back(fmt::format("{} {}", users.size() == 1 ? "policy" : "policies", fmt::join(users, ", ")));
  }
  if (kind.missing == ErrorCode::no_such_schedule) {
    auto kept = read_names(db,
                           "select name from repository where $1 in (check_schedule, verify_schedule, "
                           "compact_schedule) order by name",
                           Params{name});
    if (!kept) return std::unexpected(kept.error());
    if (!kept->empty()) {
      all.push_back(
          fmt::format("{} {}", kept->size() == 1 ? "repository" : "repositories", fmt::join(*kept, ", ")));
    }
  }
  if (!kind.has_history) return all;
  for (const char* table : {"job", "archive"}) {
    auto n = count(db, fmt::format("{} where {} = $1", table, kind.name), name);
    if (!n) return std::unexpected(n.error());
    if (*n > 0) all.push_back(fmt::format("{} {}{}", *n, table, *n == 1 ? "" : "s"));
  }
  return all;
}

Expected<void> refuse_dependants(Connection& db, const Kind& kind, const std::string& name,
                                 const std::vector<std::string>& users) {
  auto all = dependants(db, kind, name, users);
  if (!all) return std::unexpected(all.error());
  if (all->empty()) return {};
  return fail(ErrorCode::in_use,
              fmt::format("{} {} is used by {}", kind.name, name, fmt::join(*all, " and ")),
              "--force removes it all the same, out of what uses it, too; history and archives stay");
}

// Even with force: a policy without a repository would look like a backup but be none.
Expected<void> refuse_last_repository(Connection& db, const std::string& name) {
  auto policies = read_names(db,
                             "select policy from policy_repository group by policy"
                             " having count(*) = 1 and min(repository) = $1 order by policy",
                             Params{name});
  if (!policies) return std::unexpected(policies.error());
  if (policies->empty()) return {};
  return fail(ErrorCode::in_use,
              fmt::format("repository {} is the only one of {} {}", name,
                          policies->size() == 1 ? "policy" : "policies", fmt::join(*policies, ", ")),
              "give the policy another repository first, or remove it");
}

// A prepared borg repository is kept as long as its archives may exist; an unprepared one is only a plan.
Expected<void> forget_unprepared(Connection& db, const Kind& kind, const std::string& name) {
  const std::string sql = fmt::format(
      "with gone as (delete from borg_repository b where {} = $1 and borg_id = '' and direct_line = ''"
      "   and not exists (select from archive where borg_repository = b.id) returning url)"
      " delete from secret where kind = 'borg-repository' and owner in (select url from gone)",
      kind.name);
  auto removed = db.run(sql.c_str(), Params{name});
  if (!removed) return std::unexpected(removed.error());
  return {};
}

// A new object of the same name must inherit neither secrets nor the status of its predecessor. A
// repository's own secrets stay while one of its borg repositories does.
Expected<void> forget(Connection& db, const Kind& kind, const std::string& name) {
  if (!kind.has_history) return {};
  auto secrets = db.run(
      "delete from secret where kind = $1 and owner = $2 and not (kind = 'repository'"
      " and exists (select from borg_repository where repository = $2))",
      Params{std::string{kind.name}, name});
  if (!secrets) return std::unexpected(secrets.error());
  for (const char* table : {"backup_status", "proof"}) {
    const std::string sql = fmt::format("delete from {} where {} = $1", table, kind.name);
    auto status = db.run(sql.c_str(), Params{name});
    if (!status) return std::unexpected(status.error());
  }
  // The maintenance status of a borg repository stays with it.
  if (kind.missing == ErrorCode::no_such_repository) return {};
  const std::string series = fmt::format("delete from maintenance_status where {} = $1", kind.name);
  auto prunes = db.run(series.c_str(), Params{name});
  if (!prunes) return std::unexpected(prunes.error());
  return {};
}

Expected<void> detach_and_delete(Connection& db, const Kind& kind, const std::string& name) {
  auto detached = db.run(kind.detach, Params{name});
  if (!detached) return std::unexpected(detached.error());
  const std::string sql = fmt::format("delete from {} where name = $1", kind.name);
  auto removed = db.run(sql.c_str(), Params{name});
  if (!removed) return std::unexpected(removed.error());
  return {};
}

Expected<std::vector<Policy>> remove(Connection& db, const Kind& kind, const std::string& name, bool force) {
  return db.transact<std::vector<Policy>>([&]() -> Expected<std::vector<Policy>> {
    const bool is_repository = kind.missing == ErrorCode::no_such_repository;
    const bool is_client = kind.missing == ErrorCode::no_such_client;
    if (auto locked = lock(db, kind, name); !locked) return std::unexpected(locked.error());
    if (auto idle = refuse_unfinished(db, kind, name); !idle) return std::unexpected(idle.error());
    auto users = read_names(db, std::string{kind.users} + " order by 1", Params{name});
    if (!users) return std::unexpected(users.error());
    if (!force) {
      if (auto unused = refuse_dependants(db, kind, name, *users); !unused) {
        return std::unexpected(unused.error());
      }
    }
    if (is_repository) {
      if (auto spare = refuse_last_repository(db, name); !spare) return std::unexpected(spare.error());
    }
    if (is_repository || is_client) {
      if (auto forgot = forget_unprepared(db, kind, name); !forgot) return std::unexpected(forgot.error());
    }
    if (auto removed = detach_and_delete(db, kind, name); !removed) return std::unexpected(removed.error());
    if (auto forgot = forget(db, kind, name); !forgot) return std::unexpected(forgot.error());
    return read_policies(db, &*users);
  });
}

}  // namespace

Expected<std::vector<Policy>> remove_schedule(Connection& db, const std::string& name, bool force) {
  return remove(db, kSchedule, name, force);
}
Expected<std::vector<Policy>> remove_repository(Connection& db, const std::string& name, bool force) {
  return remove(db, kRepository, name, force);
}
Expected<std::vector<Policy>> remove_client(Connection& db, const std::string& name, bool force) {
  return remove(db, kClient, name, force);
}
Expected<std::vector<Policy>> remove_policy(Connection& db, const std::string& name, bool force) {
  return remove(db, kPolicy, name, force);
}

}  // namespace cyborg::store
