// SPDX-License-Identifier: GPL-3.0-or-later
// Transport direct: clients' own keys on repository hosts, and withdrawing them.
#include <fmt/format.h>

#include <algorithm>

#include "borg/direct_access.h"
#include "core/fields.h"
#include "core/repository_url.h"
#include "manager/manager.h"

namespace cyborg {
namespace {

std::string host_of(const BorgRepository& one) {
  const auto location = parse_repository_url(one.url);
  return location ? fmt::format("{}@{}", location->host.user, location->host.address) : one.url;
}

// The line that authorized_keys has, or should have.
std::string line_of(const Fleet& fleet, const BorgRepository& one) {
  const auto repository = fleet.repositories.find(one.repository);
  const auto location = parse_repository_url(one.url);
  if (repository == fleet.repositories.end() || !location || may_withdraw(fleet, one, false)) {
    return one.direct.line;
  }
  return authorized_line(
             {one.client, one.repository, location->path, repository->second.append_only, one.direct.key})
      .value_or("");
}

Json::Value key_record(const Fleet& fleet, const BorgRepository& one) {
  Json::Value row{Json::objectValue};
  row["repository"] = one.repository;
  row["client"] = one.client;
  row["borg_repository"] = one.url;
  row["host"] = host_of(one);
  row["authorized"] = !one.direct.line.empty();
  row["manual"] = one.direct.manual;
  row["needed"] = !may_withdraw(fleet, one, false);
  row["key"] = one.direct.key;
  row["line"] = line_of(fleet, one);
  return row;
}

}  // namespace

Expected<std::vector<Json::Value>> Manager::list_keys(const Json::Value& filter) const {
  std::string repository, client;
  Fields fields{filter};
  fields.text("repository", repository);
  fields.text("client", client);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  std::vector<Json::Value> rows;
  for (const auto& [url, one] : state_.fleet.borg_repositories) {
    if (one.direct.key.empty() && one.direct.line.empty()) continue;
    if ((repository.empty() || one.repository == repository) && (client.empty() || one.client == client)) {
      rows.push_back(key_record(state_.fleet, one));
    }
  }
  if (rows.empty() && !repository.empty()) {
    if (auto known = state_.fleet.find_repository(repository); !known) return std::unexpected(known.error());
  }
  return rows;
}

// Withdraws keys of removed clients and repositories, and of those that no longer need them.
void Manager::withdraw_unused_keys(const std::string& actor) {
  Plan plan = plan_withdrawals(state_.fleet, state_.unfinished);
  if (plan.jobs.empty()) return;
  RunRequest request;
  request.actor = actor;
  create_run(std::move(plan), "", request, [this](const Expected<RunAnswer>& answer) {
    // They are found again when cyborgd restarts.
    if (!answer) out_.log.trouble("clients' keys are not withdrawn: " + answer.error().message);
  });
}

void Manager::withdraw_keys(const std::string& repository, const std::vector<std::string>& clients,
                            bool force, const std::string& actor, Done<std::vector<std::int64_t>> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const KeyChoice only{repository, clients};
  if (force) return forget_keys(only, std::move(done));
  Plan plan = plan_withdrawals(state_.fleet, state_.unfinished, &only);
  if (plan.jobs.empty()) {
    return done(
        fail(ErrorCode::invalid_argument,
             fmt::format("repository {} has no key of a client to be taken away", repository),
             fmt::format("cyborgctl repository keys {} shows them; one that is needed stays until its "
                         "client is disabled or removed, and one that was put there by hand is for you "
                         "to remove: then use --force",
                         repository)));
  }
  RunRequest request;
  request.actor = actor;
  create_run(std::move(plan), "", request, [done = std::move(done)](Expected<RunAnswer> answer) {
    if (!answer) return done(std::unexpected(answer.error()));
    done(std::move(answer->jobs));
  });
}

void Manager::forget_keys(const KeyChoice& only, Then<std::vector<std::int64_t>> done) {
  std::vector<std::string> urls;
  for (const auto& [url, one] : state_.fleet.borg_repositories) {
    const bool chosen =
        one.repository == only.repository &&
        (only.clients.empty() || std::ranges::find(only.clients, one.client) != only.clients.end());
    if (chosen && !one.direct.line.empty() && may_withdraw(state_.fleet, one, true)) urls.push_back(url);
  }
  out_.store.forget_keys(urls, [this, urls, done = std::move(done)](const Expected<void>& forgotten) {
    if (!forgotten) return done(std::unexpected(forgotten.error()));
    for (const auto& url : urls) {
      if (const auto one = state_.fleet.borg_repositories.find(url);
          one != state_.fleet.borg_repositories.end()) {
        one->second.direct.line.clear();
      }
    }
    done(std::vector<std::int64_t>{});
  });
}

}  // namespace cyborg
