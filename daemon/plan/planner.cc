// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/planner.h"

#include <algorithm>

#include "borg/direct_access.h"
#include "core/repository_url.h"

namespace cyborg {
namespace {

// A test does not count as a preparation.
bool same(const auto& a, const NewJob& b) {
  return a.kind == b.kind && a.client == b.client && a.borg_url == b.borg_url &&
         !a.details["dry_run"].asBool();
}

}  // namespace

std::string Planner::borg_url(const Repository& repository, const std::string& client) {
  const std::string url = expand_url(repository.url, client);
  if (!fleet_.borg_repositories.contains(url) &&
      std::ranges::find(plan_.borg_repositories, url, &BorgRepository::url) ==
          plan_.borg_repositories.end()) {
    BorgRepository made;
    made.repository = repository.name;
    if (has_client_placeholder(repository.url)) made.client = client;
    made.url = url;
    plan_.borg_repositories.push_back(std::move(made));
  }
  return url;
}

void Planner::need_client(NewJob& job, const Client& client) {
  if (client.ready) return;
  need(job, preparation(JobKind::prepare_client, client.name, "", ""));
}

void Planner::need_repository(NewJob& job, const Repository& repository, const std::string& url) {
  const auto known = fleet_.borg_repositories.find(url);
  const bool ready = known != fleet_.borg_repositories.end() && known->second.ready;
  if (ready && !needs_way(repository, known->second, job.client)) return;
  const std::string owner = has_client_placeholder(repository.url) ? job.client : "";
  need(job, repository_preparation(repository, owner, url));
}

NewJob Planner::repository_preparation(const Repository& repository, const std::string& owner,
                                       const std::string& url) {
  NewJob job = preparation(JobKind::prepare_repository, owner, repository.name, url);
  const auto client = fleet_.clients.find(owner);
  if (client != fleet_.clients.end() && goes_direct(repository, client->second)) {
    need_client(job, client->second);
  }
  return job;
}

NewJob Planner::preparation(JobKind kind, std::string client, std::string repository, std::string url) {
  NewJob job;
  job.kind = kind;
  job.client = std::move(client);
  job.repository = std::move(repository);
  job.borg_url = std::move(url);
  return job;
}

std::size_t Planner::add(NewJob job) {
  plan_.jobs.push_back(std::move(job));
  return plan_.jobs.size() - 1;
}

bool Planner::needs_way(const Repository& repository, const BorgRepository& one,
                        const std::string& name) const {
  const auto client = fleet_.clients.find(name);
  return client != fleet_.clients.end() && goes_direct(repository, client->second) &&
         !is_authorized(repository, one);
}

void Planner::need(NewJob& job, NewJob wanted) {
  job.reason += job.reason.empty() ? "waits for the preparation of " : " and of ";
  job.reason += wanted.kind == JobKind::prepare_client ? "client " + wanted.client
                                                       : "the borg repository " + wanted.borg_url;
  for (const auto& [id, other] : active_) {
    if (same(other, wanted)) {
      job.after_jobs.push_back(id);
      return;
    }
  }
  const auto planned =
      std::ranges::find_if(plan_.jobs, [&](const NewJob& other) { return same(other, wanted); });
  job.after.push_back(planned != plan_.jobs.end() ? static_cast<std::size_t>(planned - plan_.jobs.begin())
                                                  : add(std::move(wanted)));
}

}  // namespace cyborg
