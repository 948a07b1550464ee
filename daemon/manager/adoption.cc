// SPDX-License-Identifier: GPL-3.0-or-later
// Archives in borg repositories that are not in the history, and vice versa.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/fields.h"
#include "core/repository_url.h"
#include "manager/manager.h"

namespace cyborg {
namespace {

// Each archive's sizes need a borg of their own: do not put all of them into one job.
constexpr std::size_t kNamesPerJob = 100;
constexpr unsigned kMostImported = 10'000;

Json::Value archive_record(const store::RepositoryArchive& archive) {
  Json::Value row{Json::objectValue};
  row["name"] = archive.name;
  row["state"] = archive.state;
  row["borg_repository"] = archive.borg_url;
  row["borg_id"] = archive.borg_id;
  row["created"] = Json::UInt64(archive.created);
  row["policy"] = archive.policy;
  row["client"] = archive.client;
  row["job"] = Json::UInt64(archive.job);
  return row;
}

// The client to which a borg repository's archives belong, if there is only one.
std::string only_client(const Fleet& fleet, const std::string& repository) {
  std::set<std::string> clients;
  for (const auto& [name, policy] : fleet.policies) {
    if (std::ranges::find(policy.repositories, repository) != policy.repositories.end())
      clients.insert(policy.clients.begin(), policy.clients.end());
  }
  return clients.size() == 1 ? *clients.begin() : std::string{};
}

Expected<void> check_import(const Fleet& fleet, const std::string& repository, const ImportOptions& options) {
  if (!options.glob.empty() && !options.names.empty()) {
    return fail(ErrorCode::invalid_argument, "glob, names: expected one of them at most");
  }
  if (!options.client.empty()) {
    if (auto known = fleet.find_client(options.client); !known) return std::unexpected(known.error());
  }
  if (options.policy.empty()) return {};
  const auto policy = fleet.find_policy(options.policy);
  if (!policy) return std::unexpected(policy.error());
  if (std::ranges::find((*policy)->repositories, repository) == (*policy)->repositories.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("policy \"{}\": it has no repository {}", options.policy, repository));
  }
  if (std::ranges::find((*policy)->clients, options.client) == (*policy)->clients.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("client \"{}\": it is not a client of policy {}", options.client, options.policy),
                "say whose archives they are with --client");
  }
  return {};
}

bool is_wanted(const ImportOptions& options, const std::string& name) {
  if (!options.names.empty()) return std::ranges::find(options.names, name) != options.names.end();
  return options.glob.empty() || ::fnmatch(options.glob.c_str(), name.c_str(), 0) == 0;
}

Plan plan_import(const std::string& repository, const std::string& url, const ImportOptions& options,
                 const std::vector<std::string>& names) {
  Plan plan;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i % kNamesPerJob == 0) {
      NewJob& job = plan.jobs.emplace_back();
      job.kind = JobKind::list;
      job.policy = options.policy;
      job.client = options.client;
      job.repository = repository;
      job.borg_url = url;
    }
    plan.jobs.back().details["import"].append(names[i]);
  }
  return plan;
}

}  // namespace

void Manager::list_repository_archives(const std::string& name, const Json::Value& json, unsigned limit,
                                       const std::string& cursor, Done<JsonPage<Json::Value>> done) {
  done = later(std::move(done));
  if (limit < 1 || limit > 1000) {
    return done(fail(ErrorCode::invalid_argument, fmt::format("limit {}: expected 1-1000", limit)));
  }
  std::int64_t from = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), from);
  if (!cursor.empty() && (error != std::errc{} || end != cursor.data() + cursor.size() || from < 1)) {
    return done(
        fail(ErrorCode::invalid_argument,
             fmt::format("cursor \"{}\": expected the cursor that the previous page returned", cursor)));
  }
  if (auto known = state_.fleet.find_repository(name); !known) return done(std::unexpected(known.error()));
  std::string client;
  std::string state;
  Fields fields{json};
  fields.text("client", client);
  fields.text("state", state, [](const std::string& text) -> std::string_view {
    return text == "known" || text == "missing" || text == "foreign" ? "" : "known, missing or foreign";
  });
  if (auto finished = fields.finish(); !finished) return done(std::unexpected(finished.error()));
  std::vector<std::string> urls;
  for (const auto& [url, borg] : state_.fleet.borg_repositories) {
    if (borg.repository == name && (client.empty() || borg.client.empty() || borg.client == client))
      urls.push_back(url);
  }
  out_.store.list_repository_archives(
      urls, state, limit, from,
      [done = std::move(done)](const Expected<store::Page<store::RepositoryArchive>>& stored) {
        if (!stored) return done(std::unexpected(stored.error()));
        JsonPage<Json::Value> page;
        if (stored->next != 0) page.next_cursor = fmt::to_string(stored->next);
        for (const auto& archive : stored->rows) page.rows.push_back(archive_record(archive));
        done(std::move(page));
      });
}

void Manager::import_archives(const std::string& name, const ImportOptions& given,
                              Done<std::vector<std::int64_t>> done) {
  done = later(std::move(done));
  if (auto writable = state_.writable(); !writable) return done(std::unexpected(writable.error()));
  const auto repository = state_.fleet.find_repository(name);
  if (!repository) return done(std::unexpected(repository.error()));
  ImportOptions options = given;
  if (options.client.empty()) options.client = only_client(state_.fleet, name);
  if (options.client.empty() && has_client_placeholder((*repository)->url)) {
    return done(fail(ErrorCode::invalid_argument,
                     fmt::format("client: repository {} has a borg repository for each", name),
                     "name one with --client"));
  }
  if (auto good = check_import(state_.fleet, name, options); !good)
    return done(std::unexpected(good.error()));
  const std::string url = expand_url((*repository)->url, options.client);
  out_.store.list_repository_archives(
      {url}, "foreign", kMostImported, 0,
      [this, name, url, options,
       done = std::move(done)](const Expected<store::Page<store::RepositoryArchive>>& foreign) {
        if (!foreign) return done(std::unexpected(foreign.error()));
        std::vector<std::string> names;
        for (const auto& archive : foreign->rows) {
          if (is_wanted(options, archive.name)) names.push_back(archive.name);
        }
        // Oldest first, in the order that the catalog needs.
        std::ranges::reverse(names);
        for (const auto& wanted : options.names) {
          if (std::ranges::find(names, wanted) != names.end()) continue;
          return done(
              fail(ErrorCode::no_such_archive,
                   fmt::format("{} had no foreign archive \"{}\" when it was listed last", url, wanted),
                   fmt::format("cyborgctl repository archives {} lists it anew", name)));
        }
        if (names.empty()) {
          return done(fail(ErrorCode::no_such_archive,
                           fmt::format("{} had no such foreign archive when it was listed last", url),
                           fmt::format("cyborgctl repository archives {} lists it anew", name)));
        }
        RunRequest request;
        request.actor = options.actor;
        create_run(plan_import(name, url, options, names), "", request, [done](Expected<RunAnswer> answer) {
          if (!answer) return done(std::unexpected(answer.error()));
          done(std::move(answer->jobs));
        });
      });
}

}  // namespace cyborg
