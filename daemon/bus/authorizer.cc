// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/authorizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dbus/names.h"

namespace cyborg::bus {
namespace {

using namespace names;

constexpr std::array kTable{
    Permission{kManagerInterface, "AddSchedule", kActionManage},
    Permission{kManagerInterface, "AddRepository", kActionManage},
    Permission{kManagerInterface, "AddClient", kActionManage},
    Permission{kManagerInterface, "AddPolicy", kActionManage},
    Permission{kManagerInterface, "RunPolicy", kActionRun},
    Permission{kManagerInterface, "PrepareClient", kActionRun},
    Permission{kManagerInterface, "PrepareRepository", kActionRun},
    Permission{kManagerInterface, "DiscoverClient", kActionView},
    Permission{kManagerInterface, "Restore", kActionRestore},
    Permission{kManagerInterface, "ListElapses", kActionView},
    Permission{kManagerInterface, "ListJobs", kActionView},
    Permission{kManagerInterface, "GetJob", kActionView},
    Permission{kManagerInterface, "ReadJobLog", kActionView},
    Permission{kManagerInterface, "FollowJob", kActionView},
    Permission{kManagerInterface, "UnfollowJob", kActionView},
    Permission{kManagerInterface, "CancelJob", kActionRun},
    Permission{kManagerInterface, "RetryJob", kActionRun},
    Permission{kManagerInterface, "ListArchives", kActionView},
    Permission{kManagerInterface, "PrunePolicy", kActionRun},
    Permission{kManagerInterface, "CompactRepository", kActionRun},
    Permission{kManagerInterface, "CheckRepository", kActionRun},
    Permission{kManagerInterface, "VerifyRepository", kActionRun},
    Permission{kManagerInterface, "ListRepository", kActionRun},
    Permission{kManagerInterface, "ListRepositoryArchives", kActionView},
    Permission{kManagerInterface, "ImportArchives", kActionManage},
    Permission{kManagerInterface, "VerifyPolicy", kActionRun},
    Permission{kManagerInterface, "VerifyArchive", kActionRun},
    Permission{kManagerInterface, "ListKeys", kActionView},
    Permission{kManagerInterface, "WithdrawKeys", kActionManage},
    Permission{kManagerInterface, "RemoveArchive", kActionManage},
    Permission{kManagerInterface, "SetArchive", kActionManage},
    Permission{kManagerInterface, "ExplainArchive", kActionView},
    Permission{kManagerInterface, "FindFiles", kActionView},
    Permission{kManagerInterface, "ListFiles", kActionView},
    Permission{kManagerInterface, "DiffArchives", kActionView},
    Permission{kManagerInterface, "FileHistory", kActionView},
    Permission{kManagerInterface, "DropCatalog", kActionManage},
    Permission{kManagerInterface, "RebuildCatalog", kActionManage},
    Permission{kManagerInterface, "GetFleetStatus", kActionView},
    Permission{kManagerInterface, "GetRepositoryStatus", kActionView},
    Permission{kManagerInterface, "ListPolicyTypes", kActionView},
    Permission{kManagerInterface, "ListProperties", kActionView},
    Permission{kManagerInterface, "ListSettings", kActionView},
    Permission{kManagerInterface, "SetSetting", kActionManage},
    Permission{kManagerInterface, "ExportKey", kActionSecrets},
    Permission{kManagerInterface, "ChangePassphrase", kActionSecrets},
    Permission{kScheduleInterface, "Set", kActionManage},
    Permission{kScheduleInterface, "Remove", kActionManage},
    Permission{kRepositoryInterface, "Set", kActionManage},
    Permission{kRepositoryInterface, "Remove", kActionManage},
    Permission{kClientInterface, "Set", kActionManage},
    Permission{kClientInterface, "Remove", kActionManage},
    Permission{kPolicyInterface, "Set", kActionManage},
    Permission{kPolicyInterface, "Remove", kActionManage},
    Permission{kJobInterface, "Cancel", kActionRun},
};

constexpr std::chrono::minutes kTimeToType{5};  // time to type a password
constexpr std::size_t kRememberedSenders = 1000;

constexpr char kPolkit[] = "org.freedesktop.PolicyKit1";
constexpr char kPolkitPath[] = "/org/freedesktop/PolicyKit1/Authority";
constexpr char kAuthority[] = "org.freedesktop.PolicyKit1.Authority";

Error denied(std::string_view action) {
  return {ErrorCode::access_denied, fmt::format("not authorised for {}", action), {}};
}

Expected<void> verdict(std::string_view action, sdbus::MethodReply& reply, const sdbus::Error* error) {
  // polkit is missing or failing: only root is allowed, and root was accepted before.
  if (error) return std::unexpected(denied(action));
  sdbus::Struct<bool, bool, std::map<std::string, std::string>> result;
  reply >> result;
  if (result.get<0>()) return {};
  if (result.get<1>()) {
    return fail(ErrorCode::interactive_authorization_required,
                fmt::format("{} needs an authentication", action));
  }
  return std::unexpected(denied(action));
}

}  // namespace

std::span<const Permission> permission_table() {
  return kTable;
}

std::optional<std::string_view> action_of(std::string_view interface, std::string_view member) {
  const auto row = std::ranges::find_if(
      kTable, [&](const Permission& one) { return one.interface == interface && one.member == member; });
  if (row == kTable.end()) return std::nullopt;
  return row->action;
}

Authorizer::Authorizer(sdbus::IConnection& connection, EventLog& log)
    : log_(log), polkit_(compat::create_proxy(connection, kPolkit, kPolkitPath)) {
  compat::finish(*polkit_);
}

Actor Authorizer::actor_of(const sdbus::IObject& object) {
  Actor actor;
  actor.sender = compat::current_sender(object);
  actor.interactive = compat::interactive_allowed(object);
  if (const auto known = euids_.find(actor.sender); known != euids_.end()) {
    actor.euid = known->second;
    return actor;
  }
  actor.euid = compat::current_euid(object);
  if (actor.euid) {
    if (euids_.size() >= kRememberedSenders) euids_.clear();
    euids_.emplace(actor.sender, *actor.euid);
  }
  return actor;
}

void Authorizer::note(const AccessRequest& request, const Expected<void>& answer) {
  if (!answer) return log_.denied(request);
  if (answer && request.action != kActionView) log_.granted(request);
}

void Authorizer::check(const Actor& actor, std::string_view interface, std::string_view member,
                       const std::map<std::string, std::string>& details, Answer answer) {
  const auto action = action_of(interface, member);
  if (!action)
    return answer(fail(ErrorCode::access_denied, fmt::format("{}.{} is not for anybody", interface, member)));
  const AccessRequest request{actor.label(),
                              fmt::format("{}.{}", interface.substr(interface.rfind('.') + 1), member),
                              std::string{*action}, details};
  if (actor.euid == uid_t{0}) {
    note(request, {});
    return answer({});
  }
  auto call = compat::create_call(*polkit_, kAuthority, "CheckAuthorization");
  sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject{
      "system-bus-name", {{"name", sdbus::Variant{actor.sender}}}};
  call << subject << std::string{*action} << details << std::uint32_t{actor.interactive ? 1U : 0U}
       << std::string{};
  compat::call_async(
      *polkit_, call,
      [this, answer = std::move(answer), request](sdbus::MethodReply& reply, const sdbus::Error* error) {
        const Expected<void> allowed = verdict(request.action, reply, error);
        note(request, allowed);
        answer(allowed);
      },
      kTimeToType);
}

}  // namespace cyborg::bus
