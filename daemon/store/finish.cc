// SPDX-License-Identifier: GPL-3.0-or-later
// The end of a job with all its effects, in one transaction.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/utf8.h"
#include "store/operations.h"

namespace cyborg::store {
namespace {

// Facts come from a client through its job: a missing value, or one of the wrong type, becomes empty.
std::string text(const Json::Value& facts, const char* key) {
  return facts[key].isString() ? facts[key].asString() : std::string{};
}
std::int64_t number(const Json::Value& facts, const char* key) {
  const Json::Value& value = facts[key];
  if (value.isInt64()) return value.asInt64();
  const bool representable = value.isDouble() && std::abs(value.asDouble()) < 9e18;
  return representable ? static_cast<std::int64_t>(value.asDouble()) : 0;
}
// Converts seconds to microseconds.
Microseconds span(const Json::Value& facts, const char* key) {
  const double seconds = facts[key].isNumeric() ? facts[key].asDouble() : 0;
  return seconds > 0 && seconds < 1e9 ? static_cast<Microseconds>(seconds * 1e6) : 0;
}
std::vector<std::string> list(const Json::Value& facts, const char* key) {
  std::vector<std::string> items;
  if (!facts[key].isArray()) return items;
  for (const auto& item : facts[key]) {
    if (item.isString()) items.push_back(item.asString());
  }
  return items;
}
std::string borg_id(const Json::Value& facts, const char* key) {
  const std::string id = text(facts, key);
  const bool good = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  return good ? id : std::string{};
}

Expected<void> end_job(Connection& db, std::int64_t id, const JobResult& result, Microseconds finished) {
  auto ended = db.run(
      "update job set state = $2, reason = $3, result = $4, finished = coalesce(instant($5), now()),"
      " lease_until = null where id = $1",
      Params{id, result.state, result.message, to_json(result), finished});
  if (!ended) return std::unexpected(ended.error());
  return {};
}

// A pinned host key is kept: a job that saw a different one did not succeed.
Expected<void> take_client_facts(Connection& db, const Job& job, const Json::Value& facts) {
  auto taken = db.run(
      "update client set ready = true, addresses = $2, operating_system = $3, borg_version = $4, hostname = "
      "$5,"
      " host_key = case when host_key = '' then $6 else host_key end, changed = now() where name = $1",
      Params{job.client, list(facts, "addresses"), text(facts, "operating_system"),
             text(facts, "borg_version"), text(facts, "hostname"), text(facts, "host_key")});
  if (!taken) return std::unexpected(taken.error());
  return {};
}

// Another repository has replaced it, so its archives are missing, and damage found in it no longer matters.
Expected<void> forget_lost_repository(Connection& db, const Job& job, const Json::Value& facts) {
  const Params lost{job.borg_url, borg_id(facts, "borg_id")};
  for (const char* sql : {"update archive a set missing = now() from borg_repository b where b.id = "
                          "a.borg_repository and b.url = $1"
                          " and b.borg_id not in ('', $2) and a.missing is null and a.removed is null",
                          "update borg_repository set damaged = null, damaged_job = null where url = $1 and "
                          "borg_id not in ('', $2)"}) {
    if (auto done = db.run(sql, lost); !done) return std::unexpected(done.error());
  }
  return {};
}

// The row exists unless it was deleted by hand; then it is created again from the job's values.
Expected<void> take_repository_facts(Connection& db, const Job& job, const Json::Value& facts) {
  if (job.details["anew"].asBool()) {
    if (auto forgotten = forget_lost_repository(db, job, facts); !forgotten) return forgotten;
  }
  auto taken = db.run(
      "insert into borg_repository as b (repository, client, url, ready, borg_id)"
      " values ($1, nullif($2, ''), $3, true, $4)"
      " on conflict (url) do update set ready = true,"
      " borg_id = case when excluded.borg_id <> '' then excluded.borg_id else b.borg_id end",
      Params{job.repository, job.client, job.borg_url, borg_id(facts, "borg_id")});
  if (!taken) return std::unexpected(taken.error());
  // An existing repository keeps its encryption mode.
  const bool existed = facts["created"].isBool() && !facts["created"].asBool();
  if (existed && job.client.empty() && !text(facts, "encryption").empty()) {
    auto learned =
        db.run("update repository set encryption = $2, changed = now() where name = $1 and encryption <> $2",
               Params{job.repository, text(facts, "encryption")});
    if (!learned) return std::unexpected(learned.error());
  }
  auto pinned = db.run(
      "update repository set host_key = $2, changed = now() where name = $1 and host_key = '' and $2 <> ''",
      Params{job.repository, text(facts, "host_key")});
  if (!pinned) return std::unexpected(pinned.error());
  // The full key whose hash is pinned; a different one may have been pinned meanwhile.
  auto known = db.run(
      "update repository set host_public_key = $3, changed = now()"
      " where name = $1 and host_key = $2 and $3 not in ('', host_public_key)",
      Params{job.repository, text(facts, "host_key"), text(facts, "host_public_key")});
  if (!known) return std::unexpected(known.error());
  return {};
}

// Of two passphrases, keeps the one that opened the repository and deletes the other. If neither did, another
// one may be tried.
Expected<void> take_passphrase(Connection& db, const Job& job, const Json::Value& facts) {
  const std::string which = text(facts, "passphrase");
  if (which == "new") {
    auto taken = db.run(
        "insert into secret (kind, owner, field, sealed) select kind, owner, 'passphrase', sealed from secret"
        " where kind = 'borg-repository' and owner = $1 and field = 'new-passphrase'"
        " on conflict (kind, owner, field) do update set sealed = excluded.sealed, changed = now()",
        Params{job.borg_url});
    if (!taken) return std::unexpected(taken.error());
  }
  if (which == "none") {
    auto unmarked = db.run(
        "update secret set public_part = '' where kind = 'borg-repository' and owner = $1"
        " and field = 'new-passphrase'",
        Params{job.borg_url});
    if (!unmarked) return std::unexpected(unmarked.error());
  }
  if (which != "new" && which != "old") return {};
  auto forgotten =
      db.run("delete from secret where kind = 'borg-repository' and owner = $1 and field = 'new-passphrase'",
             Params{job.borg_url});
  if (!forgotten) return std::unexpected(forgotten.error());
  return {};
}

// It is unknown what an interrupted preparation did with the client's key. The key counts as authorised, so
// that it will be withdrawn some day.
Expected<void> suspect_direct_key(Connection& db, const Job& job) {
  auto suspected = db.run(
      "update borg_repository b set direct_line = 'unknown', direct_host_key = r.host_key from repository r"
      " where b.url = $1 and b.direct_line = '' and r.name = b.repository and r.transport = 'direct'"
      " and r.authorize = 'automatic'",
      Params{job.borg_url});
  if (!suspected) return std::unexpected(suspected.error());
  return {};
}

// Also after a failed preparation: it may have added the line before it failed.
Expected<void> take_direct_key(Connection& db, const Job& job, const JobResult& result) {
  const Json::Value& facts = result.facts;
  if (result.code.traits().outcome_unknown) return suspect_direct_key(db, job);
  if (text(facts, "direct_key").empty()) return {};
  auto taken = db.run(
      "update borg_repository set direct_key = $2, direct_line = $3, direct_manual = $4, direct_host_key = $5"
      " where url = $1",
      Params{job.borg_url, text(facts, "direct_key"), text(facts, "direct_line"),
             facts["direct_manual"].isBool() && facts["direct_manual"].asBool(),
             text(facts, "direct_host_key")});
  if (!taken) return std::unexpected(taken.error());
  return {};
}

// The key stays recorded, since the client still has it.
Expected<void> take_withdrawal(Connection& db, const Job& job, const Json::Value& facts) {
  auto taken = db.run("update borg_repository set direct_line = '' where url = $1 and direct_key = $2",
                      Params{job.borg_url, text(facts, "withdrawn")});
  if (!taken) return std::unexpected(taken.error());
  return {};
}

Expected<void> add_archive(Connection& db, const Job& job, const JobResult& result) {
  const Json::Value& facts = result.archive;
  if (text(facts, "id").empty() || job.archive.empty()) return {};
  auto repository = db.run(
      "insert into borg_repository (repository, client, url, ready) values ($1, nullif($2, ''), $3, true)"
      " on conflict (url) do nothing",
      Params{job.repository, job.client, job.borg_url});
  if (!repository) return std::unexpected(repository.error());
  auto added = db.run(
      "insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created,"
      " original_size, compressed_size, deduplicated_size, nfiles, duration)"
      " select b.id, $2, $3, j.id, j.policy, j.client, j.repository, coalesce(j.started, j.finished), $4, $5,"
      " $6, $7, $8 from borg_repository b, job j where b.url = $9 and j.id = $1"
      " on conflict (borg_repository, name) do update set borg_id = excluded.borg_id, job = excluded.job,"
      " created = excluded.created, original_size = excluded.original_size,"
      " compressed_size = excluded.compressed_size, deduplicated_size = excluded.deduplicated_size,"
      " nfiles = excluded.nfiles, duration = excluded.duration",
      Params{job.id, job.archive, text(facts, "id"), number(facts, "original_size"),
             number(facts, "compressed_size"), number(facts, "deduplicated_size"), number(facts, "nfiles"),
             span(facts, "duration"), job.borg_url});
  if (!added) return std::unexpected(added.error());
  return {};
}

// One size per day suffices for a trend; results may be recorded late and out of order.
Expected<void> note_size(Connection& db, const Job& job, const Json::Value& facts) {
  const std::int64_t size = number(facts, "repository_size");
  if (size <= 0) return {};
  auto noted = db.run(
      "insert into repository_size as s (borg_repository, day, measured, size)"
      " select b.id, (j.finished at time zone 'UTC')::date, j.finished, $3 from borg_repository b, job j"
      " where b.url = $2 and j.id = $1"
      " on conflict (borg_repository, day) do update set measured = excluded.measured, size = excluded.size"
      " where s.measured <= excluded.measured",
      Params{job.id, job.borg_url, size});
  if (!noted) return std::unexpected(noted.error());
  return {};
}

// Removed archives stay in the history, with the job that removed them.
Expected<void> take_removed(Connection& db, const Job& job, const Json::Value& facts) {
  auto removed = db.run(
      "update archive a set removed = now(), removed_by = $1 from borg_repository b"
      " where b.id = a.borg_repository and b.url = $2 and a.name = any($3::text[]) and a.removed is null",
      Params{job.id, job.borg_url, list(facts, "removed")});
  if (!removed) return std::unexpected(removed.error());
  return {};
}

// A verification that did not complete proves nothing about the archive.
Expected<void> note_proof(Connection& db, const Job& job, const JobResult& result) {
  if (result.state == JobState::canceled) return {};
  auto ended = db.run(
      "insert into proof as p (policy, client, repository, last_end, last_end_job, last_end_state,"
      " last_end_reason) select policy, client, repository, finished, id, state, reason from job where id = "
      "$1"
      " on conflict (policy, client, repository) do update set last_end = excluded.last_end,"
      " last_end_job = excluded.last_end_job, last_end_state = excluded.last_end_state,"
      " last_end_reason = excluded.last_end_reason where p.last_end is null or p.last_end <= "
      "excluded.last_end",
      Params{job.id});
  if (!ended) return std::unexpected(ended.error());
  const std::string how = text(result.facts, "proven");
  const bool known = how == "compared" || how == "loaded" || how == "readable";
  if (!is_good(result.state) || !known) return {};
  auto proven = db.run(
      "update proof p set proven = j.finished, proven_job = j.id, proven_archive = $2, how = $3,"
      " restore_duration = $4 from job j where j.id = $1 and p.policy = j.policy and p.client = j.client"
      " and p.repository = j.repository and (p.proven is null or p.proven <= j.finished)",
      Params{job.id, text(result.facts, "archive"), how, number(result.facts, "restore_duration")});
  if (!proven) return std::unexpected(proven.error());
  return {};
}

Expected<void> take_facts(Connection& db, const Job& job, const JobResult& result) {
  // Also for an interrupted prune: the archives it reports as removed are removed.
  if (job.kind == JobKind::prune) {
    if (auto removed = take_removed(db, job, result.facts); !removed) return removed;
  }
  if (job.kind == JobKind::verify) return note_proof(db, job, result);
  // A test changes nothing, not even here.
  if (job.details["dry_run"].asBool()) return {};
  if (job.kind == JobKind::prepare_repository) {
    if (auto taken = take_direct_key(db, job, result); !taken) return taken;
    if (auto taken = take_passphrase(db, job, result.facts); !taken) return taken;
  }
  if (!is_good(result.state)) return {};
  if (job.kind == JobKind::withdraw) return take_withdrawal(db, job, result.facts);
  if (job.kind == JobKind::prepare_client) return take_client_facts(db, job, result.facts);
  if (job.kind == JobKind::prepare_repository) return take_repository_facts(db, job, result.facts);
  if (job.kind == JobKind::backup) {
    if (auto added = add_archive(db, job, result); !added) return added;
    return note_size(db, job, result.facts);
  }
  return {};
}

Expected<void> settle_dependants(Connection& db, const Job& job, Microseconds finished) {
  auto direct = db.run("select job from job_dependency where predecessor = $1", Params{job.id});
  if (!direct) return std::unexpected(direct.error());
  std::vector<std::int64_t> waiting;
  for (int i = 0; i < direct->size(); ++i) waiting.push_back(direct->row(i).get<std::int64_t>(0));
  auto ended = settle(db, std::move(waiting), finished);
  if (!ended) return std::unexpected(ended.error());
  if (traits_of(job.kind).status != StatusKept::no) ended->push_back(job.id);
  return note_status(db, *ended);
}

template <typename T>
std::optional<T> first(std::vector<T>& found) {
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

// Reads the state that the end of the job left, so that a repetition returns the same as the first time.
Expected<void> read_prepared(Connection& db, FinishedJob& finished) {
  const Job& job = finished.job;
  if (job.kind == JobKind::prepare_client) {
    auto clients = read_clients(db, job.client);
    if (!clients) return std::unexpected(clients.error());
    finished.client = first(*clients);
  } else if (job.kind == JobKind::prepare_repository) {
    auto repositories = read_repositories(db, job.repository);
    if (!repositories) return std::unexpected(repositories.error());
    finished.repository = first(*repositories);
  }
  return {};
}

// The state of a client's key may have changed however the job ended.
Expected<void> read_borg_repository(Connection& db, FinishedJob& finished) {
  const Job& job = finished.job;
  if (job.kind != JobKind::prepare_repository && job.kind != JobKind::withdraw &&
      job.kind != JobKind::check) {
    return {};
  }
  auto borg = read_borg_repositories(db, job.borg_url);
  if (!borg) return std::unexpected(borg.error());
  finished.borg_repository = first(*borg);
  return {};
}

Expected<FinishedJob> read_finished(Connection& db, std::int64_t id, bool repeated) {
  FinishedJob finished;
  finished.repeated = repeated;
  auto jobs = read_jobs(db, "j.id = $1", Params{id});
  if (!jobs) return std::unexpected(jobs.error());
  finished.job = std::move(jobs->at(0));
  auto dependants = read_dependants(db, id);
  if (!dependants) return std::unexpected(dependants.error());
  finished.dependants = std::move(*dependants);
  if (auto read = read_borg_repository(db, finished); !read) return std::unexpected(read.error());
  if (!is_good(finished.job.state)) return finished;
  if (finished.job.kind == JobKind::list) {
    auto imported = read_imported(db, finished.job);
    if (!imported) return std::unexpected(imported.error());
    finished.imported = std::move(*imported);
    return finished;
  }
  if (auto read = read_prepared(db, finished); !read) return std::unexpected(read.error());
  auto archive = read_archive_of_job(db, id);
  if (!archive) return std::unexpected(archive.error());
  finished.archive = std::move(*archive);
  return finished;
}

// A new archive shares chunks with older ones: a backup to a damaged repository may not be restorable.
Expected<JobResult> doubted(Connection& db, const Job& job, const JobResult& result) {
  if (job.kind != JobKind::backup || result.state != JobState::successful) return result;
  auto damaged = db.run("select damaged_job from borg_repository where url = $1 and damaged is not null",
                        Params{job.borg_url});
  if (!damaged) return std::unexpected(damaged.error());
  if (damaged->empty()) return result;
  JobResult warned = result;
  end_as(warned, ResultCode::repository_damaged,
         fmt::format("{}; but the repository is damaged, as job {} found: see it, and check the repository",
                     result.message, damaged->row(0).get<std::int64_t>(0)));
  return warned;
}

JobResult clean(const JobResult& result) {
  JobResult copy = result;
  copy.code = AnyCode{to_clean_utf8(result.code.word())};
  copy.message = to_clean_utf8(result.message);
  for (auto& warning : copy.warnings) warning = to_clean_utf8(warning);
  copy.archive = storable_json(result.archive);
  copy.facts = storable_json(result.facts);
  return copy;
}

}  // namespace

Expected<FinishedJob> finish_job(Connection& db, std::int64_t id, const JobResult& given,
                                 Microseconds finished) {
  if (!is_ended(given.state)) {
    return fail(ErrorCode::failed, fmt::format("job {} cannot end as {}", id, to_string(given.state)));
  }
  const JobResult cleaned = clean(given);
  return db.transact<FinishedJob>([&]() -> Expected<FinishedJob> {
    auto found = read_jobs(db, "j.id = $1 for update", Params{id});
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(ErrorCode::no_such_job, fmt::format("there is no job {}", id));
    const Job& job = found->front();
    if (job.attempt != given.attempt) {
      return fail(ErrorCode::no_such_job,
                  fmt::format("job {} has another attempt than the one that ended, or is another job", id));
    }
    if (is_ended(job.state)) return read_finished(db, id, true);
    const auto believed = doubted(db, job, cleaned);
    if (!believed) return std::unexpected(believed.error());
    const JobResult& result = *believed;
    const auto stored = take_listing(db, job, result);
    if (!stored) return std::unexpected(stored.error());
    if (auto ended = end_job(db, id, *stored, finished); !ended) return std::unexpected(ended.error());
    if (auto taken = take_facts(db, job, result); !taken) return std::unexpected(taken.error());
    if (auto noted = note_damage(db, job, result); !noted) return std::unexpected(noted.error());
    if (auto settled = settle_dependants(db, job, finished); !settled)
      return std::unexpected(settled.error());
    return read_finished(db, id, false);
  });
}

}  // namespace cyborg::store
