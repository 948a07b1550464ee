// SPDX-License-Identifier: GPL-3.0-or-later
// Authorization: one default-deny table, and polkit's decision about the caller. The subject is always the
// caller's bus name; pids and uids from /proc are never used.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "dbus/compat.h"
#include "manager/ports.h"

namespace cyborg::bus {

struct Permission {
  std::string_view interface;
  std::string_view member;
  std::string_view action;  // a polkit action
};
std::span<const Permission> permission_table();
// The polkit action of a method; nullopt means that nobody may call it.
std::optional<std::string_view> action_of(std::string_view interface, std::string_view member);

// The caller of a method, recorded while its message is being handled.
struct Actor {
  std::string sender;
  bool interactive = false;   // polkit may ask the user
  std::optional<uid_t> euid;  // as reported by the bus driver

  std::string label() const { return euid ? "uid " + std::to_string(*euid) : sender; }
};

class Authorizer {
 public:
  // `log` receives every decision except those on read-only calls.
  Authorizer(sdbus::IConnection& connection, EventLog& log);

  Actor actor_of(const sdbus::IObject& object);

  using Answer = std::function<void(Expected<void>)>;
  // Root is authorised, other callers if polkit says so; without polkit, only root. `details` help
  // administrators write rules (policy, client, repository, job).
  void check(const Actor& actor, std::string_view interface, std::string_view member,
             const std::map<std::string, std::string>& details, Answer answer);

 private:
  void note(const AccessRequest& request, const Expected<void>& answer);

  EventLog& log_;
  std::unique_ptr<sdbus::IProxy> polkit_;
  std::map<std::string, uid_t> euids_;  // unique names are never reused
};

}  // namespace cyborg::bus
