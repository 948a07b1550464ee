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

using Strings = std::vector<std::string>;

class ScheduleObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Schedule_adaptor, sdbus::ManagedObject_adaptor> {
 public:
  ScheduleObject(Context& context, std::string name);
  ~ScheduleObject();
  void changed();

 private:
  void Set(sdbus::Result<>&& result, VariantMap properties) override;
  void Remove(sdbus::Result<>&& result, VariantMap options) override;
  std::string Name() override { return name_; }
  bool Enabled() override { return schedule().enabled; }
  std::string Crontab() override { return schedule().crontab; }
  std::string OnCalendar() override { return schedule().on_calendar; }
  std::string Timezone() override { return schedule().timezone; }
  uint64_t RandomDelay() override;
  Strings Calendar() override { return schedule().calendar; }
  const Schedule& schedule() const;

  Context& context_;
  std::string name_;
};

class RepositoryObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Repository_adaptor, sdbus::ManagedObject_adaptor> {
 public:
  RepositoryObject(Context& context, std::string name);
  ~RepositoryObject();
  void changed();

 private:
  void Set(sdbus::Result<>&& result, VariantMap properties) override;
  void Remove(sdbus::Result<>&& result, VariantMap options) override;
  std::string Name() override { return name_; }
  bool Enabled() override { return repository().enabled; }
  std::string Url() override { return repository().url; }
  std::string Encryption() override { return repository().encryption; }
  std::string Transport() override { return repository().transport; }
  std::string Authorize() override { return repository().authorize; }
  bool AppendOnly() override { return repository().append_only; }
  bool Shared() override { return repository().shared; }
  std::string HostKey() override { return repository().host_key; }
  Strings Ready() override;
  std::string CheckSchedule() override { return repository().check_schedule; }
  std::string VerifySchedule() override { return repository().verify_schedule; }
  std::string CompactSchedule() override { return repository().compact_schedule; }
  uint64_t CheckMaxDuration() override;
  bool CheckVerifyData() override { return repository().check_verify_data; }
  Strings Damaged() override;
  const Repository& repository() const;

  Context& context_;
  std::string name_;
};

class ClientObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Client_adaptor, sdbus::ManagedObject_adaptor> {
 public:
  ClientObject(Context& context, std::string name);
  ~ClientObject();
  void changed();

 private:
  void Set(sdbus::Result<>&& result, VariantMap properties) override;
  void Remove(sdbus::Result<>&& result, VariantMap options) override;
  std::string Name() override { return name_; }
  bool Enabled() override { return client().enabled; }
  bool Local() override { return client().local; }
  std::string Address() override { return client().address; }
  uint32_t Port() override { return static_cast<uint32_t>(client().port); }
  std::string User() override { return client().user; }
  std::string Jump() override { return client().jump; }
  std::string HostKey() override { return client().host_key; }
  bool Ready() override { return client().ready; }
  Strings Addresses() override { return client().addresses; }
  std::string OperatingSystem() override { return client().operating_system; }
  std::string BorgVersion() override { return client().borg_version; }
  std::string Hostname() override { return client().hostname; }
  const Client& client() const;

  Context& context_;
  std::string name_;
};

class PolicyObject final
    : public sdbus::AdaptorInterfaces<org::cyborgbackup1::Policy_adaptor, sdbus::ManagedObject_adaptor> {
 public:
  PolicyObject(Context& context, std::string name);
  ~PolicyObject();
  void changed();

 private:
  void Set(sdbus::Result<>&& result, VariantMap properties) override;
  void Remove(sdbus::Result<>&& result, VariantMap options) override;
  std::string Name() override { return name_; }
  bool Enabled() override { return policy().enabled; }
  std::string Type() override { return policy().type; }
  std::string Schedule() override { return policy().schedule; }
  Strings Repositories() override { return policy().repositories; }
  Strings Clients() override { return policy().clients; }
  VariantMap Variables() override { return to_variant_map(policy().variables); }
  Strings Exclude() override { return policy().exclude; }
  std::string Compression() override { return policy().compression; }
  bool Catalog() override { return policy().catalog; }
  Strings Canaries() override { return policy().canaries; }
  uint64_t UploadLimit() override { return static_cast<uint64_t>(policy().upload_limit); }
  uint64_t Timeout() override;
  VariantMap Keep() override;
  VariantMap ClientKeep() override;
  std::vector<VariantMap> Hooks() override;
  std::string Unusable() override;
  std::string Timer() override;
  const Policy& policy() const;

  Context& context_;
  std::string name_;
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
