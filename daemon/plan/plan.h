// Planning: what a request means as jobs, and what a job means for the machine that runs it. Pure: the fleet,
// the unfinished jobs and the time come in, values go out.
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

// What an administrator configured, by name; borg repositories by expanded URL.
struct Fleet {
  std::map<std::string, Schedule> schedules;
  std::map<std::string, Repository> repositories;
  std::map<std::string, BorgRepository> borg_repositories;
  std::map<std::string, Client> clients;
  std::map<std::string, Policy> policies;

  // The object of that name, or the error that there is none.
  Expected<const Schedule*> find_schedule(const std::string& name) const;
  Expected<const Repository*> find_repository(const std::string& name) const;
  Expected<const Client*> find_client(const std::string& name) const;
  Expected<const Policy*> find_policy(const std::string& name) const;
};

// A job that is to be created together with others.
struct NewJob {
  JobKind kind = JobKind::backup;
  std::string policy, client, repository;
  std::string borg_url;
  std::string archive;
  std::string reason;
  Json::Value details{Json::objectValue};
  std::vector<std::size_t> after;        // predecessors in the same plan, smaller indexes than its own
  std::vector<std::int64_t> after_jobs;  // predecessors that exist already
  std::string attempt{};                 // the token of its first attempt
};

struct Plan {
  std::vector<NewJob> jobs;
  std::vector<BorgRepository> borg_repositories;  // to be made if they do not exist
  std::vector<std::string> notes;                 // what was left out, and why
};

using Jobs = std::map<std::int64_t, Job>;

// Why no run of the policy can start, naming the object; empty when one can.
std::string unusable_reason(const Fleet& fleet, const Policy& policy);

// References that do not exist, and repositories that would get a second client without being shared.
Expected<void> check_policy_relations(const Fleet& fleet, const Policy& policy);

// What follows each backup, by the settings.
struct Chain {
  bool compact = true;  // after each prune
};

// The jobs of one run: a backup for each client and repository, behind the preparations that are still
// needed, and before the prune and compaction that follow it. `only` restricts the clients; `active` are the
// unfinished jobs; a client whose previous backup by this policy has not ended is left out. timestamp ends
// the archives' names.
Expected<Plan> plan_run(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                        const Jobs& active, std::string_view timestamp, const Chain& chain = {});

// Prunes by the policy's retention, and compactions. Clients without retention are noted.
Expected<Plan> plan_prune(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                          const Chain& chain);

// One job of this kind for each borg repository of a repository that is prepared (of `only` these clients).
Expected<Plan> plan_repository_jobs(const Fleet& fleet, JobKind kind, const std::string& repository,
                                    std::span<const std::string> only, const Json::Value& details);

// Proofs that the newest archives of a policy restore: a job for each of its series that has a prepared borg
// repository and is not being verified. The others are noted.
Expected<Plan> plan_verify(const Fleet& fleet, const Policy& policy, std::span<const std::string> only,
                           const Jobs& active);
// The same for all enabled policies that write to a repository.
Expected<Plan> plan_verify_repository(const Fleet& fleet, const std::string& repository,
                                      std::span<const std::string> only, const Jobs& active);

Expected<Plan> plan_prepare_client(const Fleet& fleet, const std::string& client, const Jobs& active);
Expected<Plan> plan_prepare_repository(const Fleet& fleet, const std::string& repository,
                                       std::span<const std::string> only, const Jobs& active);

// One job on a borg repository alone: kind, policy, client, repository, URL, archive and details as in
// `like`.
Expected<Plan> plan_maintenance(const Fleet& fleet, const Job& like, const Jobs& active);

// Behind each backup a job that takes what it made into the catalog, unless its policy wants none.
void add_catalogs(const Fleet& fleet, Plan& plan);

// The same work as an ended job's, with its preparations as they are needed now.
Expected<Plan> plan_retry(const Fleet& fleet, const Job& ended, const Jobs& active,
                          std::string_view timestamp, const Chain& chain = {});

// The method that asked for such a job first, if that takes more than the right to run.
std::optional<std::string_view> privileged_method(const Job& ended);

// Backups of one run again, each with all that follows it; what several of them need is there once.
Expected<Plan> plan_retry_backups(const Fleet& fleet, std::span<const Job> ended, const Jobs& active,
                                  std::string_view timestamp, const Chain& chain = {});

Expected<Plan> plan_restore(const Fleet& fleet, const RestoreRequest& request, const Jobs& active);

// May the key that a client was given for a borg repository be taken away: is it of no use any more? If
// somebody asked for it, a client or repository that is disabled has no use for it either.
bool may_withdraw(const Fleet& fleet, const BorgRepository& one, bool asked);

// A job for each key that is authorised somewhere and may be taken away, unless one is at it, or an
// administrator has to do it. `only` is what somebody asked for: keys of this repository and, if any are
// given, these clients.
struct KeyChoice {
  std::string repository;
  std::vector<std::string> clients;
};
Plan plan_withdrawals(const Fleet& fleet, const Jobs& active, const KeyChoice* only = nullptr);

// What cyborg-job is told. Fails when something the job needs has been removed or disabled meanwhile.
Expected<JobSpec> job_spec(const Fleet& fleet, const Job& job);

// Jobs that may start now, in order, and for each other pending job the reason why it may not. One writer for
// each borg repository, one backup or preparation for each client, and two limits on starting and running
// jobs.
struct QueueLimits {
  std::size_t jobs = 16;
  std::size_t jobs_per_repository_host = 8;
  Microseconds now = 0;            // for jobs that wait for their next attempt
  std::set<std::int64_t> apart{};  // jobs that are not to be started now, and no reason is given for
  std::vector<Job> holders{};      // jobs that run, and are not among the unfinished
};
struct Decision {
  std::vector<std::int64_t> start;
  std::map<std::int64_t, std::string> reasons;
};
Decision decide(const Jobs& unfinished, const QueueLimits& limits);

}  // namespace cyborg
