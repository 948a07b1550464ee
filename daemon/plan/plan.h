// SPDX-License-Identifier: GPL-3.0-or-later
// Planning: turns a request into jobs, and a job into a specification for the machine that runs it. Pure: the
// fleet, the unfinished jobs and the time are arguments, and values are returned.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/job_spec.h"
#include "core/model.h"
#include "core/restore_request.h"

namespace cyborg {

// The configuration, by name; borg repositories by expanded URL.
struct Fleet {
  std::map<std::string, Schedule> schedules;
  std::map<std::string, Repository> repositories;
  std::map<std::string, BorgRepository> borg_repositories;
  std::map<std::string, Client> clients;
  std::map<std::string, Policy> policies;

  // Returns the object of that name, or the error that there is none.
  Expected<const Schedule*> find_schedule(const std::string& name) const;
  Expected<const Repository*> find_repository(const std::string& name) const;
  Expected<const Client*> find_client(const std::string& name) const;
  Expected<const Policy*> find_policy(const std::string& name) const;
};

// A job that will be created together with others.
struct NewJob {
  JobKind kind = JobKind::backup;
  std::string policy, client, repository;
  std::string borg_url;
  std::string archive;
  std::string reason;
  Json::Value details{Json::objectValue};
  std::vector<std::size_t> after;        // predecessors in the same plan, smaller indexes than its own
  std::vector<std::int64_t> after_jobs;  // existing predecessors
  std::string attempt{};                 // the token of its first attempt
};

struct Plan {
  std::vector<NewJob> jobs;
  std::vector<BorgRepository> borg_repositories;  // to be created unless they exist
  std::vector<std::string> notes;                 // what was left out, and why
};

using Jobs = std::map<std::int64_t, Job>;

// The reason why no run of the policy can start, which names the object; empty if runs can start.
std::string unusable_reason(const Fleet& fleet, const Policy& policy);

// Refuses references to objects that do not exist, and a second client for a repository that is not shared.
Expected<void> check_policy_relations(const Fleet& fleet, const Policy& policy);

// The jobs after each backup, according to the settings.
struct Chain {
  bool compact = true;  // after each prune
};

// Plans a run: a backup for each client and repository, after the preparations that are still needed, and
// before the prune and compaction that follow. `only` restricts the clients; `active` are the unfinished
// jobs; a client whose previous backup by this policy has not ended is left out. timestamp is the suffix of
// the archives' names.
Expected<Plan> plan_run(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                        const Jobs& active, std::string_view timestamp, const Chain& chain = {});

// Plans prunes by the policy's retention, and compactions. Clients without retention get a note.
Expected<Plan> plan_prune(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                          const Chain& chain);

// Plans a job of this kind for each prepared borg repository of a repository (of `only` these clients).
Expected<Plan> plan_repository_jobs(const Fleet& fleet, JobKind kind, const std::string& repository,
                                    std::span<const std::string> only, const Json::Value& details);

// Plans verifications of the newest archives of a policy: a job for each series that has a prepared borg
// repository and is not being verified. The others get a note.
Expected<Plan> plan_verify(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                           const Jobs& active);
// The same for all enabled policies with this repository.
Expected<Plan> plan_verify_repository(const Fleet& fleet, const std::string& repository,
                                      std::span<const std::string> only, const Jobs& active);

Expected<Plan> plan_prepare_client(const Fleet& fleet, const std::string& client, const Jobs& active);
Expected<Plan> plan_prepare_repository(const Fleet& fleet, const std::string& repository,
                                       std::span<const std::string> only, const Jobs& active);

// Plans a single job on a borg repository: kind, policy, client, repository, URL, archive and details are
// those of `like`.
Expected<Plan> plan_maintenance(const Fleet& fleet, const Job& like, const Jobs& active);

// Adds a job after each backup that catalogs its archive, unless the policy disables that.
void add_catalogs(const Fleet& fleet, Plan& plan);

// Plans the same work as an ended job's, with the preparations that are needed now.
Expected<Plan> plan_retry(const Fleet& fleet, const Job& ended, const Jobs& active,
                          std::string_view timestamp, const Chain& chain = {});

// The method that originally requested such a job, if it needs another right than run.
std::optional<std::string_view> privileged_method(const Job& ended);

// Plans backups of one run again, each with the jobs that follow it; shared preparations are planned once.
Expected<Plan> plan_retry_backups(const Fleet& fleet, std::span<const Job> ended, const Jobs& active,
                                  std::string_view timestamp, const Chain& chain = {});

Expected<Plan> plan_restore(const Fleet& fleet, const RestoreRequest& request, const Jobs& active);

// Whether a client's key for a borg repository may be withdrawn because it is no longer needed. On request, a
// disabled client or repository counts as not needing it.
bool may_withdraw(const Fleet& fleet, const BorgRepository& one, bool asked);

// Plans a job for each authorised key that may be withdrawn, unless one is already running, or an
// administrator must do it. `only` is the choice of a caller: keys of this repository and, if any are given,
// these clients.
struct KeyChoice {
  std::string repository;
  std::vector<std::string> clients;
};
Plan plan_withdrawals(const Fleet& fleet, const Jobs& active, const KeyChoice* only = nullptr);

// The specification for cyborg-job. Fails if something that the job needs was removed or disabled meanwhile.
Expected<JobSpec> job_spec(const Fleet& fleet, const Job& job);

// Chooses the jobs that may start now, in order, and for each other pending job the reason why it may not.
// There is one writer per borg repository, one backup or preparation per client, and two limits on starting
// and running jobs.
struct QueueLimits {
  std::size_t jobs = 16;
  std::size_t jobs_per_repository_host = 8;
  Microseconds now = 0;            // for jobs that wait for their next attempt
  std::set<std::int64_t> apart{};  // jobs that must not be started now, without a reason
  std::vector<Job> holders{};      // jobs that run, and are not among the unfinished
};
struct Decision {
  std::vector<std::int64_t> start;
  std::map<std::int64_t, std::string> reasons;
};
Decision decide(const Jobs& unfinished, const QueueLimits& limits);

}  // namespace cyborg
