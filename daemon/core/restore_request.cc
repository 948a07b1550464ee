// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/restore_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/policy_types.h"
#include "core/property_values.h"

namespace cyborg {
namespace {

std::unexpected<Error> refuse(std::string message, std::string hint = {}) {
  return fail(ErrorCode::invalid_argument, std::move(message), std::move(hint));
}

const DumpSource* dump_source(const std::string& type_name) {
  const auto type = parse_policy_type(type_name);
  return type ? policy_type_row(*type).dump : nullptr;
}

Expected<void> check_conflict(const RestoreRequest& request) {
  const auto conflicts = restore_conflicts();
  if (!request.conflict.empty() && std::ranges::find(conflicts, request.conflict) == conflicts.end()) {
    return refuse(fmt::format("conflict \"{}\": expected overwrite, keep, rename or fail", request.conflict));
  }
  if (request.of_databases() && (request.conflict == "keep" || request.conflict == "rename")) {
    return refuse(fmt::format("conflict \"{}\": expected overwrite or fail for databases", request.conflict));
  }
  return {};
}

}  // namespace

Expected<void> check_restore(const RestoreRequest& request) {
  const int targets = int{!request.directory.empty() && !request.of_guest()} + int{request.output} +
                      int{request.of_databases()} + int{request.of_guest()};
  if (targets != 1) {
    return refuse("directory, in_place, output, databases, guest: expected exactly one of them");
  }
  if (!request.directory.empty() && !request.directory.starts_with('/')) {
    return refuse(fmt::format("directory \"{}\": expected an absolute path", request.directory));
  }
  if (auto checked = check_conflict(request); !checked) return checked;
  if (request.tar && !request.output) return refuse("tar: only an output can be a tar stream");
  if (request.output && (request.dry_run || !request.conflict.empty())) {
    return refuse("output: conflict and dry_run do not apply to it");
  }
  if (!request.of_guest() && (!request.guest_name.empty() || request.start)) {
    return refuse("guest_name, start: only a guest has them");
  }
  if (request.of_databases() && !request.paths.empty()) {
    return refuse("paths: databases are chosen by name, so none are expected",
                  "restore the files of the dumps to a folder, or without paths the databases");
  }
  return {};
}

Expected<void> check_databases(const RestoreRequest& request, const std::string& type_name) {
  if (!request.of_databases()) return {};
  if (type_name.empty()) {
    return refuse(
        fmt::format("archive {}: its policy is gone, which said how to reach the server", request.archive),
        "restore the files of the dumps to a folder, and load them from there");
  }
  const DumpSource* dump = dump_source(type_name);
  if (!dump || !dump->databases) {
    return refuse(
        fmt::format("archive {}: it is of type {}, and has no databases", request.archive, type_name));
  }
  if (request.globals && !dump->databases->globals_file) {
    return refuse(fmt::format("globals: a policy of type {} saves none", type_name));
  }
  if (request.all_databases && !request.databases.empty()) {
    return refuse("all_databases, databases: expected one of them");
  }
  std::set<std::string> targets;
  for (const auto& [name, new_name] : request.databases) {
    const std::string& target = new_name.empty() ? name : new_name;
    if (target.empty()) return refuse("databases: a name is empty");
    if (target.find('\n') != std::string::npos || name.find('\n') != std::string::npos) {
      return refuse(fmt::format("databases: \"{}\" has a line break", name));
    }
    if (dump->databases->paths && !check_file_path(target).empty()) {
      return refuse(fmt::format("databases: \"{}\": expected {}", target, check_file_path(target)));
    }
    if (!targets.insert(target).second) {
      return refuse(fmt::format("databases: two would become \"{}\"", target));
    }
    if (std::ranges::find(dump->databases->of_the_server, target) != dump->databases->of_the_server.end()) {
      return refuse(fmt::format("databases: \"{}\" is the server's own, and is not replaced", target),
                    "globals brings users and grants back");
    }
  }
  return {};
}

Expected<void> check_guest(const RestoreRequest& request, const std::string& type_name) {
  if (!request.of_guest()) return {};
  if (!request.paths.empty()) return refuse("paths: a guest is restored as a whole, so none are expected");
  if (type_name.empty()) {
    return refuse(
        fmt::format("archive {}: its policy is gone, which said whose guests they are", request.archive),
        "restore its files to a folder");
  }
  const DumpSource* dump = dump_source(type_name);
  if (!dump || !dump->guests) {
    return refuse(fmt::format("archive {}: it is of type {}, and has no guests", request.archive, type_name));
  }
  if (!request.conflict.empty() && request.conflict != "overwrite" && request.conflict != "fail") {
    return refuse(fmt::format("conflict \"{}\": expected overwrite or fail for a guest", request.conflict));
  }
  const auto bad = [](const std::string& name) {
    return name.find('/') != std::string::npos || name.find('\n') != std::string::npos;
  };
  if (bad(request.guest)) return refuse(fmt::format("guest \"{}\": expected its name", request.guest));
  if (bad(request.guest_name)) {
    return refuse(fmt::format("guest_name \"{}\": expected a name", request.guest_name));
  }
  if (!dump->guests->numbered) return {};
  for (const auto& id : {request.guest, request.guest_name}) {
    if (!std::ranges::all_of(id, [](unsigned char c) { return std::isdigit(c); })) {
      return refuse(fmt::format("guest \"{}\": expected its number", id));
    }
  }
  if (!request.directory.empty()) return refuse("directory: Proxmox knows where its guests are");
  if (request.dry_run)
    return refuse(
        "dry_run: not possible for a Proxmox guest, whose content is only known after it has been read");
  return {};
}

Json::Value restore_details(const RestoreRequest& request) {
  Json::Value details = json_of_set<RestoreSpec>(request);
  for (const char* key : {"paths", "directory"}) details[key] = to_json(request)[key];
  return details;
}

RestoreRequest restore_request(const Job& job) {
  RestoreRequest request;
  take_json(job.details, request);  // missing ones keep their defaults
  request.archive = job.archive;
  request.repository = job.repository;
  request.borg_url = job.borg_url;
  request.policy = job.policy;
  request.client = job.client;
  return request;
}

}  // namespace cyborg
