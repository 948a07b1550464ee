// SPDX-License-Identifier: GPL-3.0-or-later
// The objects below /org/cyborgbackup1, one adaptor for each kind. Properties are read from the manager's
// state; an object whose state is gone returns empty values until it is removed from the bus.
#pragma once

#include <org.cyborgbackup1.Client.adaptor.h>
#include <org.cyborgbackup1.Job.adaptor.h>
#include <org.cyborgbackup1.Policy.adaptor.h>
#include <org.cyborgbackup1.Repository.adaptor.h>
#include <org.cyborgbackup1.Schedule.adaptor.h>

#include <string>
#include <vector>

#include "bus/property_variants.h"
#include "bus/serve.h"
#include "dbus/compat.h"
#include "dbus/variant_json.h"
#include "manager/manager.h"

namespace cyborg::bus {

std::string object_path(std::string_view kind, const std::string& name);

// The parts of the service that objects need.
struct Context {
  sdbus::IConnection& connection;
  Authorizer& authorizer;
  Manager& manager;
};

// The common part of the four kinds of named objects. Properties are answered according to their rows, by
// methods generated from the interface's XML.
template <typename Named, typename Adaptor>
class NamedObject : public sdbus::AdaptorInterfaces<Adaptor, sdbus::ManagedObject_adaptor> {
 protected:
  using Object = Named;

  NamedObject(Context& context, std::string name);
  ~NamedObject();

  template <typename T, std::size_t kRow>
  T get() const {
    return bus_value<T, kRow>(context_.manager.state(), object(), name_);
  }
  void announce(const std::vector<std::string>& properties);

 private:
  void Set(sdbus::Result<>&& result, VariantMap properties) override;
  void Remove(sdbus::Result<>&& result, VariantMap options) override;
  const Object& object() const;

  Context& context_;
  std::string name_;
};

class ScheduleObject final : public NamedObject<cyborg::Schedule, org::cyborgbackup1::Schedule_adaptor> {
 public:
  ScheduleObject(Context& context, std::string name) : NamedObject(context, std::move(name)) {}
  void changed() { announce(announced()); }

 private:
#include <org.cyborgbackup1.Schedule.getters.inc>
};

class RepositoryObject final
    : public NamedObject<cyborg::Repository, org::cyborgbackup1::Repository_adaptor> {
 public:
  RepositoryObject(Context& context, std::string name) : NamedObject(context, std::move(name)) {}
  void changed() { announce(announced()); }

 private:
#include <org.cyborgbackup1.Repository.getters.inc>
};

class ClientObject final : public NamedObject<cyborg::Client, org::cyborgbackup1::Client_adaptor> {
 public:
  ClientObject(Context& context, std::string name) : NamedObject(context, std::move(name)) {}
  void changed() { announce(announced()); }

 private:
#include <org.cyborgbackup1.Client.getters.inc>
};

class PolicyObject final : public NamedObject<cyborg::Policy, org::cyborgbackup1::Policy_adaptor> {
 public:
  PolicyObject(Context& context, std::string name) : NamedObject(context, std::move(name)) {}
  void changed() { announce(announced()); }

 private:
#include <org.cyborgbackup1.Policy.getters.inc>
};

class JobObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Job_adaptor, sdbus::ManagedObject_adaptor> {
 public:
  JobObject(Context& context, std::int64_t id);
  ~JobObject();
  void changed();
  void progressed();

 private:
  void Cancel(sdbus::Result<>&& result) override;
  uint64_t Id() override { return static_cast<uint64_t>(id_); }
  uint64_t Run() override { return static_cast<uint64_t>(job().run); }
  std::string Kind() override { return to_string(job().kind); }
  std::string Policy() override { return job().policy; }
  std::string Client() override { return job().client; }
  std::string Repository() override { return job().repository; }
  std::string Unit() override { return job_unit_name(id_); }
  uint64_t Created() override { return static_cast<uint64_t>(job().created); }
  std::string State() override { return to_string(job().state); }
  std::string Reason() override { return job().reason; }
  uint64_t Started() override { return static_cast<uint64_t>(job().started); }
  uint64_t Finished() override { return static_cast<uint64_t>(job().finished); }
  std::string Archive() override { return job().archive; }
  uint64_t Files() override { return progress().files; }
  uint64_t Bytes() override { return progress().bytes; }
  std::string CurrentPath() override { return progress().path; }
  const Job& job() const;
  Progress progress() const;

  Context& context_;
  std::int64_t id_;
};

}  // namespace cyborg::bus
