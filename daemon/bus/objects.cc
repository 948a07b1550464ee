// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/objects.h"

#include <systemd/sd-bus.h>

#include <cstdlib>
#include <functional>

#include "bus/descriptors.h"
#include "core/fields.h"
#include "core/properties.h"
#include "core/units.h"
#include "dbus/names.h"

namespace cyborg::bus {
namespace {

using namespace names;

template <typename T>
const T& find_or_empty(const std::map<std::string, T>& objects, const std::string& name) {
  static const T empty;
  const auto found = objects.find(name);
  return found != objects.end() ? found->second : empty;
}

Expected<bool> force_of(const VariantMap& options) {
  bool force = false;
  const Json::Value json = to_json(options);
  Fields fields{json};
  fields.flag("force", force);
  if (auto finished = fields.finish(); !finished) return std::unexpected(finished.error());
  return force;
}

// The objects' places in the fleet, and the functions that change them.

const auto& all_of(const Fleet& fleet, const Schedule*) {
  return fleet.schedules;
}
const auto& all_of(const Fleet& fleet, const Repository*) {
  return fleet.repositories;
}
const auto& all_of(const Fleet& fleet, const Client*) {
  return fleet.clients;
}
const auto& all_of(const Fleet& fleet, const Policy*) {
  return fleet.policies;
}

void change(Manager& manager, const Schedule*, const std::string& name, const VariantMap& properties,
            const Reply<>& reply) {
  manager.put_schedule(name, to_json(properties), false, reply.done());
}
void change(Manager& manager, const Client*, const std::string& name, const VariantMap& properties,
            const Reply<>& reply) {
  manager.put_client(name, to_json(properties), false, reply.done());
}
void change(Manager& manager, const Repository*, const std::string& name, const VariantMap& properties,
            const Reply<>& reply) {
  DescriptorMap descriptors;
  const Json::Value json = to_json(properties, &descriptors);
  auto passphrase = take_secret(descriptors, "passphrase");
  if (!passphrase) return reply.fail(passphrase.error());
  manager.put_repository(name, json, std::move(*passphrase), false, reply.done());
}
void change(Manager& manager, const Policy*, const std::string& name, const VariantMap& properties,
            const Reply<>& reply) {
  DescriptorMap descriptors;
  const Json::Value json = to_json(properties, &descriptors);
  auto password = take_secret(descriptors, "password");
  if (!password) return reply.fail(password.error());
  manager.put_policy(name, json, std::move(*password), false, reply.done());
}

Strings clients_with(const Fleet& fleet, const std::string& repository,
                     const std::function<bool(const BorgRepository&)>& holds) {
  Strings clients;
  for (const auto& [url, borg] : fleet.borg_repositories) {
    if (borg.repository == repository && holds(borg)) clients.push_back(borg.client);
  }
  return clients;
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

std::variant<Strings, std::string> computed_value(Computed property, const State& state,
                                                  const std::string& name) {
  const Fleet& fleet = state.fleet;
  switch (property) {
    case Computed::ready:
      return clients_with(fleet, name, [](const BorgRepository& borg) { return borg.ready; });
    case Computed::damaged:
      return clients_with(fleet, name, [](const BorgRepository& borg) { return borg.damaged != 0; });
    case Computed::unusable:
      return unusable_reason(fleet, find_or_empty(fleet.policies, name));
    case Computed::timer: {
      const bool has_timer = !find_or_empty(fleet.policies, name).schedule.empty();
      return has_timer ? timer_unit_name("policy", name) : std::string{};
    }
  }
  return {};
}

template <typename Object, typename Adaptor>
NamedObject<Object, Adaptor>::NamedObject(Context& context, std::string name)
    : sdbus::AdaptorInterfaces<Adaptor, sdbus::ManagedObject_adaptor>(
          context.connection, sdbus::ObjectPath{object_path(to_string(kKind<Object>), name)}),
      context_(context),
      name_(std::move(name)) {
  this->registerAdaptor();
}

template <typename Object, typename Adaptor>
NamedObject<Object, Adaptor>::~NamedObject() {
  this->unregisterAdaptor();
}

template <typename Object, typename Adaptor>
const Object& NamedObject<Object, Adaptor>::object() const {
  return find_or_empty(all_of(context_.manager.state().fleet, static_cast<const Object*>(nullptr)), name_);
}

template <typename Object, typename Adaptor>
void NamedObject<Object, Adaptor>::announce(const std::vector<std::string>& properties) {
  compat::emit_properties_changed(this->getObject(), Adaptor::INTERFACE_NAME, properties);
}

template <typename Object, typename Adaptor>
void NamedObject<Object, Adaptor>::Set(sdbus::Result<>&& result, VariantMap properties) {
  serve(context_.authorizer, this->getObject(), std::move(result), Adaptor::INTERFACE_NAME, "Set",
        {{to_string(kKind<Object>), name_}},
        [&manager = context_.manager, name = name_, properties = std::move(properties)](const Reply<>& reply,
                                                                                        const Actor&) {
          change(manager, static_cast<const Object*>(nullptr), name, properties, reply);
        });
}

template <typename Object, typename Adaptor>
void NamedObject<Object, Adaptor>::Remove(sdbus::Result<>&& result, VariantMap options) {
  serve(context_.authorizer, this->getObject(), std::move(result), Adaptor::INTERFACE_NAME, "Remove",
        {{"name", name_}},
        [&manager = context_.manager, name = name_, options = std::move(options)](const Reply<>& reply,
                                                                                  const Actor&) {
          const auto force = force_of(options);
          if (!force) return reply.fail(force.error());
          manager.remove(kKind<Object>, name, *force, reply.done());
        });
}

template class NamedObject<Schedule, org::cyborgbackup1::Schedule_adaptor>;
template class NamedObject<Repository, org::cyborgbackup1::Repository_adaptor>;
template class NamedObject<Client, org::cyborgbackup1::Client_adaptor>;
template class NamedObject<Policy, org::cyborgbackup1::Policy_adaptor>;

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
