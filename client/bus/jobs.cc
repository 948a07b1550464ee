// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/jobs.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "client/format/text.h"
#include "core/model.h"
#include "dbus/variant_json.h"

namespace cyborg::client {
namespace {

JobState state_of(const Json::Value& record) {
  auto state = JobState::waiting;
  parse(record["state"].asString(), state);
  return state;
}

}  // namespace

Json::Value get_job(Connection& bus, std::uint64_t id) {
  return with_snake_keys(to_json(bus.query<VariantMap>(manager(), "GetJob", id)));
}

std::uint64_t job_of_path(const std::string& path) {
  const auto prefix = fmt::format("{}/job", names::kRootPath);
  char* text = nullptr;
  if (sd_bus_path_decode(path.c_str(), prefix.c_str(), &text) <= 0) return 0;
  const std::unique_ptr<char, decltype(&std::free)> owner(text, std::free);
  const std::string_view digits = text;
  std::uint64_t id = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), id);
  return id;
}

bool is_ended(const Json::Value& record) {
  return cyborg::is_ended(state_of(record));
}
bool is_live(const Json::Value& record) {
  return cyborg::is_live(state_of(record));
}

std::string describe_job(const Json::Value& record) {
  const auto text = [&record](const char* key) { return printable(record[key].asString()); };
  const auto object = text("client").empty() ? text("repository") : text("client");
  auto result =
      fmt::format("job {} ({} of {}): {}", record["id"].asUInt64(), text("kind"), object, text("state"));
  if (!text("reason").empty()) result += ": " + text("reason");
  return result;
}

void add_watch_options(CLI::App& verb, Watch& mode, const char* follow) {
  verb.add_flag_callback(
      "--wait", [&mode] { mode = std::max(mode, Watch::wait); },
      "wait for the end; exit 6 for warnings, 7 for no success");
  verb.add_flag_callback(follow, [&mode] { mode = Watch::follow; }, "wait, and show the output meanwhile");
}

std::vector<Json::Value> list_pages(Connection& bus, const std::string& method, const VariantMap& filter,
                                    std::uint64_t limit) {
  return list_pages_of(bus, method, limit, filter);
}

}  // namespace cyborg::client
