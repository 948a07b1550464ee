// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/backup_source.h"
#include "core/policy_types.h"
#include "core/quote.h"

namespace cyborg {
namespace {

bool is_path(std::string_view kind) {
  constexpr std::array<std::string_view, 3> kPaths{"mount", "home", "mail"};
  return std::ranges::find(kPaths, kind) != kPaths.end();
}

bool lies_in(const std::string& path, std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return path == folder || folder == "/" || path.starts_with(folder + "/");
}

enum class Cover { no, partly, yes };

// The mount that contains a path, among those found.
std::string mount_of(const std::string& path, const Json::Value& found) {
  std::string mount = "/";
  for (const auto& one : found) {
    const std::string name = one["name"].asString();
    if (one["kind"].asString() == "mount" && lies_in(path, name) && name.size() >= mount.size()) mount = name;
  }
  return mount;
}

Cover covers_path(const BackupSource& source, const std::string& path, const Json::Value& found) {
  Cover cover = Cover::no;
  for (const auto& root : source.roots) {
    if (!lies_in(path, root)) {
      if (lies_in(root, path)) cover = std::max(cover, Cover::partly);
      continue;
    }
    const bool other_mount = source.one_file_system && mount_of(path, found) != mount_of(root, found);
    const bool excluded = std::ranges::any_of(source.exclude, [&](const std::string& pattern) {
      return pattern.starts_with('/') && lies_in(path, pattern);
    });
    if (!other_mount && !excluded) return Cover::yes;
  }
  return cover;
}

// The dump of a server on another host does not count for this client.
bool is_here(const std::string& host) {
  return host.empty() || host.starts_with('/') || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool names(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::ranges::find(list, name) != list.end();
}

Cover covers(const Policy& policy, const std::string& client, const Json::Value& one,
             const Json::Value& found) {
  const std::string kind = one["kind"].asString();
  const std::string name = one["name"].asString();
  const BackupSource source = backup_source(policy, client);
  if (is_path(kind)) return covers_path(source, name, found);
  if (!source.dump || parse_policy_type(kind) != source.dump.type) return Cover::no;
  // A server that did not list its databases is covered by a policy that dumps all of them.
  return is_here(source.dump.text("host")) && names(source.dump.names(), name) ? Cover::yes : Cover::no;
}

// A name for the proposed policy: web-postgresql, web-srv-data.
std::string policy_name(const Fleet& fleet, const std::string& client, const std::string& what) {
  std::string name = client + "-";
  for (const char c : what) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (good) name += c;
    if (c >= 'A' && c <= 'Z') name += static_cast<char>(c - 'A' + 'a');
    if (!good && !(c >= 'A' && c <= 'Z') && !name.ends_with('-')) name += '-';
  }
  if (name.size() > 55) name.resize(55);
  while (name.ends_with('-')) name.pop_back();
  std::string free = name;
  for (int i = 2; fleet.policies.contains(free); ++i) free = fmt::format("{}-{}", name, i);
  return free;
}

// A repository that the client already uses, if there is one.
std::string repository_for(const Fleet& fleet, const std::string& client) {
  for (const auto& [name, policy] : fleet.policies) {
    if (std::ranges::find(policy.clients, client) != policy.clients.end() && !policy.repositories.empty()) {
      return policy.repositories.front();
    }
  }
  return fleet.repositories.empty() ? "REPOSITORY" : fleet.repositories.begin()->first;
}

std::string word(const std::string& text) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) ||
           (c != '\0' && std::string_view{"/._-=,"}.find(static_cast<char>(c)) != std::string_view::npos);
  };
  return !text.empty() && std::ranges::all_of(text, plain) ? text : quote(text);
}

std::string command(const Fleet& fleet, const std::string& client, const std::string& kind,
                    const std::string& name) {
  std::string type = kind;
  std::string variable;
  std::string what = kind;
  if (is_path(kind)) {
    type = to_string(name == "/" ? PolicyType::rootfs : PolicyType::folders);
    what = name == "/" ? type : name;
    if (name != "/") variable = "folders=" + name;
  } else if (!name.empty()) {
    if (const auto found = parse_policy_type(kind); found && policy_type_row(*found).main) {
      variable = fmt::format("{}={}", policy_type_row(*found).main, name);
    }
    what = kind + "-" + name;
  }
  return fmt::format("cyborgctl policy add {} --type {} --repository {} --client {}{}",
                     policy_name(fleet, client, what), type, repository_for(fleet, client), client,
                     variable.empty() ? "" : " --var " + word(variable));
}

}  // namespace

std::vector<Json::Value> discover_rows(const Fleet& fleet, const std::string& client,
                                       const Json::Value& facts) {
  std::vector<Json::Value> rows;
  const Json::Value& found = facts["found"];
  if (!found.isArray()) return rows;
  for (const auto& one : found) {
    if (!one["kind"].isString() || !one["name"].isString()) continue;
    Cover best = Cover::no;
    Json::Value policies{Json::arrayValue};
    for (const auto& [name, policy] : fleet.policies) {
      const bool usable = std::ranges::find(policy.clients, client) != policy.clients.end() &&
                          unusable_reason(fleet, policy).empty();
      const Cover cover = usable ? covers(policy, client, one, found) : Cover::no;
      if (cover == Cover::no) continue;
      best = std::max(best, cover);
      policies.append(name);
    }
    Json::Value row = one;
    row["size"] =
        Json::UInt64(one["size"].isInt64() && one["size"].asInt64() > 0 ? one["size"].asInt64() : 0);
    row["protected"] = best == Cover::yes ? "yes" : best == Cover::partly ? "partly" : "no";
    row["policies"] = std::move(policies);
    row["command"] =
        best == Cover::yes ? "" : command(fleet, client, one["kind"].asString(), one["name"].asString());
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace cyborg
