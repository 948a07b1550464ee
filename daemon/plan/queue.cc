// SPDX-License-Identifier: GPL-3.0-or-later
// plan.h's decide: which pending jobs may start, and why the others may not.
#include <fmt/format.h>

#include "core/repository_url.h"
#include "plan/plan.h"
#include "plan/retry.h"

namespace cyborg {
namespace {

// The resources held by starting and running jobs, and by those just chosen.
class Holders {
 public:
  void take(const Job& job) {
    if (writes_repository(job.kind)) repositories_.emplace(job.borg_url, job.id);
    if (traits_of(job.kind).one_reader) readers_.emplace(job.borg_url, job.id);
    if (traits_of(job.kind).occupies_client) clients_.emplace(job.client, job.id);
    if (const std::string host = repository_host(job); !host.empty()) ++hosts_[host];
    ++jobs_;
  }

  // The reason why the job cannot start beside them; empty if it can.
  std::string obstacle(const Job& job, const QueueLimits& limits) const {
    if (writes_repository(job.kind)) {
      if (const auto holder = repositories_.find(job.borg_url); holder != repositories_.end()) {
        return fmt::format("job {} writes to the borg repository {}", holder->second, job.borg_url);
      }
    }
    if (traits_of(job.kind).occupies_client) {
      if (const auto holder = clients_.find(job.client); holder != clients_.end()) {
        return fmt::format("job {} is at work on client {}", holder->second, job.client);
      }
    }
    if (traits_of(job.kind).one_reader) {
      // In the order of the archives, since all share one cache of borg.
      if (const auto holder = readers_.find(job.borg_url); holder != readers_.end()) {
        return fmt::format("job {} reads the borg repository {}", holder->second, job.borg_url);
      }
    }
    if (jobs_ >= limits.jobs) return fmt::format("limit: max_jobs is {}", limits.jobs);
    const std::string host = repository_host(job);
    if (const auto count = hosts_.find(host);
        count != hosts_.end() && count->second >= limits.jobs_per_repository_host) {
      return fmt::format("limit: max_jobs_per_repository_host is {}, for {}", limits.jobs_per_repository_host,
                         host);
    }
    return {};
  }

 private:
  static std::string repository_host(const Job& job) {
    if (job.borg_url.empty()) return {};
    const auto location = parse_repository_url(job.borg_url);
    if (!location) return {};
    return location->host.address.empty() ? "this server" : location->host.address;
  }

  std::map<std::string, std::int64_t> repositories_;
  std::map<std::string, std::int64_t> readers_;
  std::map<std::string, std::int64_t> clients_;
  std::map<std::string, std::size_t> hosts_;
  std::size_t jobs_ = 0;
};

}  // namespace

Decision decide(const Jobs& unfinished, const QueueLimits& limits) {
  Holders holders;
  for (const auto& [id, job] : unfinished) {
    if (is_live(job.state)) holders.take(job);
  }
  for (const auto& job : limits.holders) holders.take(job);
  Decision decision;
  // By id, so oldest first: a job never starves behind younger ones that need the same resources.
  for (const auto& [id, job] : unfinished) {
    if (job.state != JobState::pending || not_before(job) > limits.now || limits.apart.contains(id)) continue;
    if (std::string obstacle = holders.obstacle(job, limits); !obstacle.empty()) {
      decision.reasons.emplace(id, std::move(obstacle));
      continue;
    }
    holders.take(job);
    decision.start.push_back(id);
  }
  return decision;
}

}  // namespace cyborg
