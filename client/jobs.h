// Jobs as records: what is asked of the Manager, and how a job is called.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "client/context.h"
#include "client/job_watch.h"
#include "dbus/variant_json.h"

namespace cyborg::client {

Json::Value get_job(Connection& bus, std::uint64_t id);

// The number of a job's object path, or 0 for another path.
std::uint64_t job_of_path(const std::string& path);

bool is_ended(const Json::Value& record);
bool is_live(const Json::Value& record);

// "job 12 (backup of web): failed: connection refused"
std::string describe_job(const Json::Value& record);

// --wait and --follow.
void add_watch_options(CLI::App& verb, Watch& mode, const char* follow = "--follow");

// Pages of ListJobs or ListArchives until `limit` records, or all for 0.
std::vector<Json::Value> list_pages(Connection& bus, const std::string& method, const VariantMap& filter,
                                    std::uint64_t limit);

}  // namespace cyborg::client
