// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that creates jobs: runs of policies, preparations, restores, retries; and canceling jobs.
#include <fmt/format.h>

#include <algorithm>

#include "core/quota.h"
#include "core/repository_url.h"
#include "manager/manager.h"

namespace cyborg {
namespace {

Json::Value planned_record(const NewJob& job) {
  Json::Value row{Json::objectValue};
  row["kind"] = to_string(job.kind);
  row["policy"] = job.policy;
  row["client"] = job.client;
  row["repository"] = job.repository;
  row["borg_repository"] = job.borg_url;
  row["archive"] = job.archive;
  return row;
}

std::vector<Json::Value> planned_records(const Plan& plan) {
  std::vector<Json::Value> rows;
  for (const auto& job : plan.jobs) rows.push_back(planned_record(job));
  for (const auto& note : plan.notes) {
    Json::Value row{Json::objectValue};
    row["left_out"] = note;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::int64_t> ids_of(const std::vector<Job>& jobs) {
  std::vector<std::int64_t> ids;
  for (const auto& job : jobs) ids.push_back(job.id);
  return ids;
}

}  // namespace

// A borg repository created by this plan gets the passphrase that the administrator set for its repository,
// or else a generated one. Handles them one after the other, since each may need the database.
void Manager::seal_passphrases(std::shared_ptr<NewPassphrases> work, Then<std::vector<store::Secret>> done) {
  while (work->next < work->wanted.size()) {
    const BorgRepository& one = work->wanted[work->next];
    const auto repository = state_.fleet.repositories.find(one.repository);
    const bool clear =
        repository != state_.fleet.repositories.end() && repository->second.encryption == "none";
    const auto given = work->given.find(one.repository);
    if (!clear && given == work->given.end()) {
      const std::string name = one.repository;
      return out_.store.get_secret(
          {"repository", name, "passphrase"},
          [this, name, work, done = std::move(done)](const Expected<std::optional<store::Secret>>& secret) {
            if (!secret) return done(std::unexpected(secret.error()));
            std::string& passphrase = work->given[name];
            if (*secret) {
              auto opened = out_.secrets.open("repository", name, "passphrase", (*secret)->sealed);
              if (!opened) return done(std::unexpected(opened.error()));
              passphrase = std::move(*opened);
            }
            seal_passphrases(work, done);
          });
    }
    if (!clear) {
      const std::string passphrase = given->second.empty() ? out_.secrets.random_passphrase() : given->second;
      auto sealed = out_.secrets.seal("borg-repository", one.url, "passphrase", passphrase);
      if (!sealed) return done(std::unexpected(sealed.error()));
      work->secrets.push_back({store::passphrase_key(one.url), std::move(*sealed), ""});
    }
    ++work->next;
  }
  done(std::move(work->secrets));
}

void Manager::create_run(Plan plan, const std::string& policy, const RunRequest& request,
                         Then<RunAnswer> done) {
  if (auto fits = check_quota(Quota::unfinished_jobs, state_.unfinished.size() + plan.jobs.size()); !fits) {
    return done(std::unexpected(fits.error()));
  }
  auto work = std::make_shared<NewPassphrases>();
  work->wanted = plan.borg_repositories;
  seal_passphrases(work, [this, plan = std::move(plan), policy, request,
                          done = std::move(done)](Expected<std::vector<store::Secret>> secrets) mutable {
    if (!secrets) return done(std::unexpected(secrets.error()));
    store_run(std::move(plan), policy, request, std::move(*secrets), std::move(done));
  });
}

void Manager::store_run(Plan plan, const std::string& policy, const RunRequest& request,
                        std::vector<store::Secret> secrets, Then<RunAnswer> done) {
  store::NewRun run;
  run.token = out_.secrets.random_uuid();
  run.policy = policy;
  run.scheduled = request.scheduled;
  run.maintenance = request.maintenance;
  run.repository = request.repository;
  run.actor = request.actor;
  run.jobs = std::move(plan.jobs);
  for (auto& job : run.jobs) {
    job.attempt = new_attempt(out_.secrets);
    // The random choice of a verification is recorded, so that another attempt checks the same files.
    if (job.kind == JobKind::verify && !job.details.isMember("seed")) {
      job.details["seed"] = out_.secrets.random_uuid();
    }
  }
  run.borg_repositories = std::move(plan.borg_repositories);
  run.secrets = std::move(secrets);
  out_.store.create_run(std::move(run), [this, done = std::move(done)](Expected<store::CreatedRun> created) {
    if (!created) return done(std::unexpected(created.error()));
    RunAnswer answer{created->run, ids_of(created->jobs), {}};
    for (auto& one : created->borg_repositories) {
      std::string url = one.url;
      state_.fleet.borg_repositories.insert_or_assign(std::move(url), std::move(one));
    }
    // The jobs of an existing run are in the queue already.
    if (!created->existed) runner_.enqueue(std::move(created->jobs));
    done(std::move(answer));
  });
}

void Manager::run_policy(const std::string& name, const RunRequest& request, Done<RunAnswer> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const auto policy = state_.fleet.find_policy(name);
  if (!policy) return done(std::unexpected(policy.error()));
  auto plan = plan_run(state_.fleet, **policy, request.clients, state_.unfinished, timestamp(), chain());
  if (!plan) return done(std::unexpected(plan.error()));
  if (setting_flag(state_.settings, "catalog")) add_catalogs(state_.fleet, *plan);
  if (request.dry_run) return done(RunAnswer{0, {}, planned_records(*plan)});
  // By hand, an empty plan is an answer; a timer's elapse is recorded as a run without jobs.
  if (plan->jobs.empty() && request.scheduled == 0) {
    return done(fail(ErrorCode::in_use, plan->notes.empty() ? "nothing to do" : plan->notes.front(),
                     "wait for it, or cyborgctl job cancel it"));
  }
  // Only scheduled runs are retried: the failure of a run by hand is seen at once.
  if (request.scheduled > 0) {
    for (auto& job : plan->jobs) job.details["retry"] = true;
  }
  create_run(std::move(*plan), name, request, std::move(done));
}

void Manager::prepare_client(const std::string& client, PrepareOptions options, Done<std::int64_t> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  auto plan = plan_prepare_client(state_.fleet, client, state_.unfinished);
  if (!plan) return done(std::unexpected(plan.error()));
  if (options.dry_run) plan->jobs.back().details["dry_run"] = true;
  RunRequest request;
  request.actor = options.actor;
  create_run(
      std::move(*plan), "", request,
      [this, password = std::move(options.password), done = std::move(done)](Expected<RunAnswer> answer) {
        if (!answer) return done(std::unexpected(answer.error()));
        // The queue is processed on the loop's next turn, so this is in time.
        if (password) runner_.remember_password(answer->jobs.front(), *password);
        done(answer->jobs.front());
      });
}

void Manager::prepare_repository(const std::string& repository, const std::vector<std::string>& clients,
                                 const PrepareOptions& options, Done<std::vector<std::int64_t>> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  auto plan = plan_prepare_repository(state_.fleet, repository, clients, state_.unfinished);
  if (!plan) return done(std::unexpected(plan.error()));
  for (auto& job : plan->jobs) {
    if (options.dry_run) job.details["dry_run"] = true;
    if (options.anew) job.details["anew"] = true;
  }
  RunRequest request;
  request.actor = options.actor;
  create_run(std::move(*plan), "", request, [done = std::move(done)](Expected<RunAnswer> answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done(std::move(answer->jobs));
  });
}

// The new passphrases are stored first, beside the valid ones: whatever happens to a job, its next
// preparation finds out which of the two is valid.
void Manager::change_passphrase(const std::string& name, const std::vector<std::string>& clients,
                                const std::optional<std::string>& passphrase, const std::string& actor,
                                Done<std::vector<std::int64_t>> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  auto secrets = changed_passphrases(name, clients, passphrase);
  if (!secrets) return done(std::unexpected(secrets.error()));
  std::vector<std::string> owners;
  for (const auto& secret : *secrets) {
    const auto borg = state_.fleet.borg_repositories.find(secret.key.owner);
    if (borg != state_.fleet.borg_repositories.end()) owners.push_back(borg->second.client);
  }
  store_repository(
      state_.fleet.repositories.at(name), std::move(*secrets), false,
      [this, name, owners = std::move(owners), actor, done = std::move(done)](const Expected<void>& stored) {
        if (!stored) return done(std::unexpected(stored.error()));
        auto plan = plan_prepare_repository(state_.fleet, name, owners, state_.unfinished);
        if (!plan) return done(std::unexpected(plan.error()));
        for (auto& job : plan->jobs) {
          if (job.kind == JobKind::prepare_repository) job.details["change_passphrase"] = true;
        }
        RunRequest request;
        request.actor = actor;
        create_run(std::move(*plan), "", request, [done](Expected<RunAnswer> answer) {
          if (!answer) return done(std::unexpected(answer.error()));
          done(std::move(answer->jobs));
        });
      });
}

void Manager::restore(const std::string& name, const RestoreOptions& options, Done<std::int64_t> done) {
  done = later(std::move(done));
  if (auto checked = check_restore(options.what); !checked) return done(std::unexpected(checked.error()));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.get_archive(
      name, [this, options, done = std::move(done)](const Expected<store::Archive>& archive) {
        if (!archive) return done(std::unexpected(archive.error()));
        RestoreRequest wanted = options.what;
        wanted.archive = archive->name;
        wanted.repository = archive->repository;
        wanted.borg_url = archive->borg_url;
        wanted.policy = archive->policy;
        if (wanted.client.empty()) wanted.client = archive->client;
        const auto policy = state_.fleet.policies.find(archive->policy);
        const std::string type = policy == state_.fleet.policies.end() ? "" : policy->second.type;
        auto checked = check_databases(wanted, type);
        if (checked) checked = check_guest(wanted, type);
        if (!checked) return done(std::unexpected(checked.error()));
        auto plan = plan_restore(state_.fleet, wanted, state_.unfinished);
        if (!plan) return done(std::unexpected(plan.error()));
        RunRequest request;
        request.actor = options.actor;
        create_run(std::move(*plan), "", request,
                   [this, output = options.output, done](Expected<RunAnswer> answer) {
                     if (!answer) return done(std::unexpected(answer.error()));
                     // The queue is processed on the loop's next turn, so this is in time.
                     if (output) runner_.remember_output(answer->jobs.back(), output);
                     done(answer->jobs.back());
                   });
      });
}

void Manager::cancel_job(std::int64_t id, Done<void> done) {
  done = later(std::move(done));
  if (state_.unfinished.contains(id)) return runner_.cancel(id, std::move(done));
  get_job(id, [id, done = std::move(done)](const Expected<Json::Value>& job) {
    if (!job) return done(std::unexpected(job.error()));
    done(fail(ErrorCode::job_not_cancelable, fmt::format("job {} has ended", id)));
  });
}

void Manager::retry_job(std::int64_t id, const std::string& actor, Done<RunAnswer> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  out_.store.get_job(id, [this, id, actor, done = std::move(done)](Expected<store::JobRecord> record) {
    if (!record) return done(std::unexpected(record.error()));
    if (!is_ended(record->job.state)) {
      return done(fail(ErrorCode::in_use, fmt::format("job {} has not ended", id)));
    }
    const Job& job = record->job;
    RunRequest request;
    request.actor = actor;
    const auto again = [this, job, request, done](Expected<Plan> plan) {
      if (!plan) return done(std::unexpected(plan.error()));
      if (setting_flag(state_.settings, "catalog")) add_catalogs(state_.fleet, *plan);
      create_run(std::move(*plan), job.policy, request, done);
    };
    if (!traits_of(job.kind).is_preparation) {
      return again(plan_retry(state_.fleet, job, state_.unfinished, timestamp(), chain()));
    }
    with_skipped_backups(job, [this, job, again](const std::vector<Job>& backups) {
      again(backups.empty()
                ? plan_retry(state_.fleet, job, state_.unfinished, timestamp(), chain())
                : plan_retry_backups(state_.fleet, backups, state_.unfinished, timestamp(), chain()));
    });
  });
}

void Manager::method_of_retry(std::int64_t id, Done<std::optional<std::string_view>> done) {
  done = later(std::move(done));
  out_.store.get_job(id, [done = std::move(done)](const Expected<store::JobRecord>& record) {
    if (!record) return done(std::unexpected(record.error()));
    done(privileged_method(record->job));
  });
}

// The backups of its run that were skipped because this preparation did not succeed.
void Manager::with_skipped_backups(const Job& preparation,
                                   std::function<void(const std::vector<Job>&)> then) {
  store::JobFilter filter;
  filter.run = preparation.run;
  filter.kind = JobKind::backup;
  filter.state = JobState::skipped;
  out_.store.list_jobs(filter, 1000, 0,
                       [preparation, then = std::move(then)](const Expected<store::Page<Job>>& page) {
                         std::vector<Job> backups;
                         if (page) backups = page->rows;
                         std::erase_if(backups, [&](const Job& job) {
                           return has_repository(preparation.kind) ? job.borg_url != preparation.borg_url
                                                                   : job.client != preparation.client;
                         });
                         then(backups);
                       });
}

}  // namespace cyborg
