// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs as records: requests to the Manager, and the description of a job.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <string>

#include "client/bus/job_watch.h"
#include "client/context.h"
#include "dbus/variant_json.h"

namespace cyborg::client {

Json::Value get_job(Connection& bus, std::uint64_t id);

// The number of a job's object path, or 0 for another path.
std::uint64_t job_of_path(const std::string& path);

bool is_ended(const Json::Value& record);
bool is_live(const Json::Value& record);

// "job 12 (backup of web): failed: connection refused"
std::string describe_job(const Json::Value& record);

// Adds --wait and --follow.
void add_watch_options(CLI::App& verb, Watch& mode, const char* follow = "--follow");

// Reads pages of ListJobs or ListArchives, up to `limit` records, or all for 0.
std::vector<Json::Value> list_pages(Connection& bus, const std::string& method, const VariantMap& filter,
                                    std::uint64_t limit);

// Like list_pages, for a method that takes these arguments before limit and cursor.
template <typename... Arguments>
std::vector<Json::Value> list_pages_of(Connection& bus, const std::string& method, std::uint64_t limit,
                                       const Arguments&... arguments) {
  constexpr std::uint64_t kPage = 1000;
  std::vector<Json::Value> result;
  std::string cursor;
  do {
    const auto left = limit == 0 ? kPage : std::min(kPage, limit - result.size());
    auto [page, next] = bus.query<std::vector<VariantMap>, std::string>(
        manager(), method, arguments..., static_cast<std::uint32_t>(left), cursor);
    for (const auto& record : page) result.push_back(with_snake_keys(to_json(record)));
    cursor = std::move(next);
  } while (!cursor.empty() && (limit == 0 || result.size() < limit));
  return result;
}

}  // namespace cyborg::client
