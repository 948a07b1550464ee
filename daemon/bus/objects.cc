#include "bus/objects.h"

#include <systemd/sd-bus.h>

#include <cstdlib>

#include "bus/descriptors.h"
#include "core/fields.h"
#include "core/hooks.h"
#include "core/units.h"
#include "dbus/names.h"
#include "plan/retention.h"

namespace cyborg::bus {
namespace {

using namespace names;

template <typename T>
const T& find_or_empty(const std::map<std::string, T>& objects, const std::string& name) {
  static const T empty;
  const auto found = objects.find(name);
  return found != objects.end() ? found->second : empty;
}

uint64_t microseconds(std::chrono::seconds seconds) {
  return static_cast<uint64_t>(seconds.count()) * 1'000'000;
}

Expected<bool> force_of(const VariantMap& options) {
  bool force = false;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.flag("force", force);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return force;
}

// The Remove method of all four kinds.
void serve_remove(Context& context, const sdbus::IObject& object, sdbus::Result<>&& result,
                  const char* interface, ObjectKind kind, const std::string& name, VariantMap options) {
  serve(context.authorizer, object, std::move(result), interface, "Remove", {{"name", name}},
        [&context, kind, name, options = std::move(options)](const Reply<>& reply, const Actor&) {
          const auto force = force_of(options);
          if (!force) return reply.fail(force.error());
          context.manager.remove(kind, name, *force, reply.done());
        });
}

}  // namespace

std::string object_path(std::string_view kind, const std::string& name) {
  char* encoded = nullptr;
  const std::string prefix = std::string{kRootPath} + "/" + std::string{kind};
  if (sd_bus_path_encode(prefix.c_str(), name.c_str(), &encoded) < 0) throw std::bad_alloc{};
  std::string path{encoded};
  std::free(encoded);
  return path;
}

// Schedule

ScheduleObject::ScheduleObject(Context& context, std::string name)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{object_path("schedule", name)}),
      context_(context),
      name_(std::move(name)) {
  registerAdaptor();
}
ScheduleObject::~ScheduleObject() {
  unregisterAdaptor();
}
const Schedule& ScheduleObject::schedule() const {
  return find_or_empty(context_.manager.state().fleet.schedules, name_);
}
uint64_t ScheduleObject::RandomDelay() {
  return microseconds(schedule().random_delay_seconds);
}
void ScheduleObject::changed() {
  compat::emit_properties_changed(
      getObject(), kScheduleInterface,
      {"Enabled", "Crontab", "OnCalendar", "Timezone", "RandomDelay", "Calendar"});
}
void ScheduleObject::Set(sdbus::Result<>&& result, VariantMap properties) {
  serve(context_.authorizer, getObject(), std::move(result), kScheduleInterface, "Set", {{"schedule", name_}},
        [&context = context_, name = name_, properties = std::move(properties)](const Reply<>& reply,
                                                                                const Actor&) {
          context.manager.put_schedule(name, to_json(properties), false, reply.done());
        });
}
void ScheduleObject::Remove(sdbus::Result<>&& result, VariantMap options) {
  serve_remove(context_, getObject(), std::move(result), kScheduleInterface, ObjectKind::schedule, name_,
               std::move(options));
}

// Repository

RepositoryObject::RepositoryObject(Context& context, std::string name)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{object_path("repository", name)}),
      context_(context),
      name_(std::move(name)) {
  registerAdaptor();
}
RepositoryObject::~RepositoryObject() {
  unregisterAdaptor();
}
const Repository& RepositoryObject::repository() const {
  return find_or_empty(context_.manager.state().fleet.repositories, name_);
}
Strings RepositoryObject::Ready() {
  Strings ready;
  for (const auto& [url, one] : context_.manager.state().fleet.borg_repositories) {
    if (one.repository == name_ && one.ready) ready.push_back(one.client);
  }
  return ready;
}
uint64_t RepositoryObject::CheckMaxDuration() {
  return microseconds(repository().check_max_duration_seconds);
}
Strings RepositoryObject::Damaged() {
  Strings damaged;
  for (const auto& [url, one] : context_.manager.state().fleet.borg_repositories) {
    if (one.repository == name_ && one.damaged != 0) damaged.push_back(one.client);
  }
  return damaged;
}
void RepositoryObject::changed() {
  compat::emit_properties_changed(getObject(), kRepositoryInterface,
                                  {"Enabled", "Encryption", "Transport", "Authorize", "AppendOnly", "Shared",
                                   "HostKey", "Ready", "CheckSchedule", "VerifySchedule", "CompactSchedule",
                                   "CheckMaxDuration", "CheckVerifyData", "Damaged"});
}
void RepositoryObject::Set(sdbus::Result<>&& result, VariantMap properties) {
  serve(context_.authorizer, getObject(), std::move(result), kRepositoryInterface, "Set",
        {{"repository", name_}},
        [&context = context_, name = name_, properties = std::move(properties)](const Reply<>& reply,
                                                                                const Actor&) {
          DescriptorMap descriptors;
          const Json::Value json = to_json(properties, &descriptors);
          auto passphrase = take_secret(descriptors, "passphrase");
          if (!passphrase) return reply.fail(passphrase.error());
          context.manager.put_repository(name, json, std::move(*passphrase), false, reply.done());
        });
}
void RepositoryObject::Remove(sdbus::Result<>&& result, VariantMap options) {
  serve_remove(context_, getObject(), std::move(result), kRepositoryInterface, ObjectKind::repository, name_,
               std::move(options));
}

// Client

ClientObject::ClientObject(Context& context, std::string name)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{object_path("client", name)}),
      context_(context),
      name_(std::move(name)) {
  registerAdaptor();
}
ClientObject::~ClientObject() {
  unregisterAdaptor();
}
const Client& ClientObject::client() const {
  return find_or_empty(context_.manager.state().fleet.clients, name_);
}
void ClientObject::changed() {
  compat::emit_properties_changed(getObject(), kClientInterface,
                                  {"Enabled", "Local", "Address", "Port", "User", "Jump", "HostKey", "Ready",
                                   "Addresses", "OperatingSystem", "BorgVersion", "Hostname"});
}
void ClientObject::Set(sdbus::Result<>&& result, VariantMap properties) {
  serve(context_.authorizer, getObject(), std::move(result), kClientInterface, "Set", {{"client", name_}},
        [&context = context_, name = name_, properties = std::move(properties)](const Reply<>& reply,
                                                                                const Actor&) {
          context.manager.put_client(name, to_json(properties), false, reply.done());
        });
}
void ClientObject::Remove(sdbus::Result<>&& result, VariantMap options) {
  serve_remove(context_, getObject(), std::move(result), kClientInterface, ObjectKind::client, name_,
               std::move(options));
}

// Policy

PolicyObject::PolicyObject(Context& context, std::string name)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{object_path("policy", name)}),
      context_(context),
      name_(std::move(name)) {
  registerAdaptor();
}
PolicyObject::~PolicyObject() {
  unregisterAdaptor();
}
const Policy& PolicyObject::policy() const {
  return find_or_empty(context_.manager.state().fleet.policies, name_);
}
uint64_t PolicyObject::Timeout() {
  return microseconds(policy().timeout_seconds);
}
VariantMap PolicyObject::Keep() {
  return to_variant_map(to_json(policy().keep));
}
VariantMap PolicyObject::ClientKeep() {
  Json::Value all{Json::objectValue};
  for (const auto& [client, keep] : policy().client_keep) all[client] = to_json(keep);
  return to_variant_map(all);
}
std::vector<VariantMap> PolicyObject::Hooks() {
  return to_variant_maps(to_json(policy().hooks));
}
std::string PolicyObject::Unusable() {
  return unusable_reason(context_.manager.state().fleet, policy());
}
std::string PolicyObject::Timer() {
  return policy().schedule.empty() ? std::string{} : timer_unit_name("policy", name_);
}
void PolicyObject::changed() {
  compat::emit_properties_changed(
      getObject(), kPolicyInterface,
      {"Enabled", "Type", "Schedule", "Repositories", "Clients", "Variables", "Exclude", "Compression",
       "UploadLimit", "Timeout", "Catalog", "Canaries", "Keep", "ClientKeep", "Hooks", "Unusable", "Timer"});
}
void PolicyObject::Set(sdbus::Result<>&& result, VariantMap properties) {
  serve(context_.authorizer, getObject(), std::move(result), kPolicyInterface, "Set", {{"policy", name_}},
        [&context = context_, name = name_, properties = std::move(properties)](const Reply<>& reply,
                                                                                const Actor&) {
          DescriptorMap descriptors;
          const Json::Value json = to_json(properties, &descriptors);
          auto password = take_secret(descriptors, "password");
          if (!password) return reply.fail(password.error());
          context.manager.put_policy(name, json, std::move(*password), false, reply.done());
        });
}
void PolicyObject::Remove(sdbus::Result<>&& result, VariantMap options) {
  serve_remove(context_, getObject(), std::move(result), kPolicyInterface, ObjectKind::policy, name_,
               std::move(options));
}

// Job

JobObject::JobObject(Context& context, std::int64_t id)
    : AdaptorInterfaces(context.connection, sdbus::ObjectPath{object_path("job", std::to_string(id))}),
      context_(context),
      id_(id) {
  registerAdaptor();
}
JobObject::~JobObject() {
  unregisterAdaptor();
}
const Job& JobObject::job() const {
  static const Job empty;
  const Job* found = context_.manager.state().find_job(id_);
  return found ? *found : empty;
}
Progress JobObject::progress() const {
  const auto& all = context_.manager.state().progress;
  const auto found = all.find(id_);
  return found != all.end() ? found->second : Progress{};
}
void JobObject::changed() {
  compat::emit_properties_changed(getObject(), kJobInterface,
                                  {"State", "Reason", "Started", "Finished", "Archive"});
}
void JobObject::progressed() {
  compat::emit_properties_changed(getObject(), kJobInterface, {"Files", "Bytes", "CurrentPath"});
}
void JobObject::Cancel(sdbus::Result<>&& result) {
  serve(context_.authorizer, getObject(), std::move(result), kJobInterface, "Cancel",
        {{"job", std::to_string(id_)}}, [&context = context_, id = id_](const Reply<>& reply, const Actor&) {
          context.manager.cancel_job(id, reply.done());
        });
}

}  // namespace cyborg::bus
