// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/service.h"

#include <spdlog/spdlog.h>

#include <optional>

#include "bus/log_control.h"
#include "bus/manager_object.h"
#include "bus/objects.h"
#include "dbus/names.h"

namespace cyborg::bus {

class BusService::Impl {
 public:
  Impl(sd_event* loop, EventLog& log)
      : connection_(sdbus::createSystemBusConnection()),
        attachment_(*connection_, loop),
        authorizer_(*connection_, log),
        log_control_(*connection_) {}

  void serve(Manager& manager) {
    context_.emplace(Context{*connection_, authorizer_, manager});
    manager_ = std::make_unique<ManagerObject>(*context_);
#if CYBORG_SDBUS_2
    connection_->requestName(sdbus::ServiceName{names::kBusName});
#else
    connection_->requestName(names::kBusName);
#endif
  }

  // A failing signal on the bus must not disturb the caller that announces the event.
  template <typename Call>
  void publish(Call call) noexcept {
    if (!manager_) return;
    try {
      call();
    } catch (const std::exception& error) {
      spdlog::error("cannot publish a change on the bus: {}", error.what());
    }
  }

  template <typename Object, typename Key, typename State>
  void reconcile(std::map<Key, std::unique_ptr<Object>>& objects, const Key& key, const State& state) {
    publish([&] {
      const auto object = objects.find(key);
      const bool exists = state.contains(key);
      if (exists && object == objects.end()) {
        auto added = std::make_unique<Object>(*context_, key);
        added->emitInterfacesAddedSignal();
        objects.emplace(key, std::move(added));
      } else if (exists) {
        object->second->changed();
      } else if (object != objects.end()) {
        object->second->emitInterfacesRemovedSignal();
        objects.erase(object);
      }
    });
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  compat::LoopAttachment attachment_;
  Authorizer authorizer_;
  LogControl log_control_;
  std::optional<Context> context_;
  std::unique_ptr<ManagerObject> manager_;
  std::map<std::string, std::unique_ptr<ScheduleObject>> schedules_;
  std::map<std::string, std::unique_ptr<RepositoryObject>> repositories_;
  std::map<std::string, std::unique_ptr<ClientObject>> clients_;
  std::map<std::string, std::unique_ptr<PolicyObject>> policies_;
  std::map<std::int64_t, std::unique_ptr<JobObject>> jobs_;
};

BusService::BusService(sd_event* loop, EventLog& log) : impl_(std::make_unique<Impl>(loop, log)) {}
BusService::~BusService() = default;

void BusService::serve(Manager& manager) {
  impl_->serve(manager);
}

void BusService::object_changed(ObjectKind kind, const std::string& name) {
  if (!impl_->context_) return;
  const Fleet& fleet = impl_->context_->manager.state().fleet;
  switch (kind) {
    case ObjectKind::schedule:
      return impl_->reconcile(impl_->schedules_, name, fleet.schedules);
    case ObjectKind::repository:
      return impl_->reconcile(impl_->repositories_, name, fleet.repositories);
    case ObjectKind::client:
      return impl_->reconcile(impl_->clients_, name, fleet.clients);
    case ObjectKind::policy:
      return impl_->reconcile(impl_->policies_, name, fleet.policies);
  }
}

void BusService::job_changed(std::int64_t job) {
  impl_->publish([&] {
    const auto object = impl_->jobs_.find(job);
    if (object != impl_->jobs_.end()) return object->second->changed();
    auto added = std::make_unique<JobObject>(*impl_->context_, job);
    added->emitInterfacesAddedSignal();
    impl_->jobs_.emplace(job, std::move(added));
    impl_->manager_->job_new(job);
  });
}

void BusService::job_progress(std::int64_t job) {
  impl_->publish([&] {
    if (const auto object = impl_->jobs_.find(job); object != impl_->jobs_.end())
      object->second->progressed();
  });
}

void BusService::job_ended(std::int64_t job) {
  impl_->publish([&] {
    const Job* ended = impl_->context_->manager.state().find_job(job);
    if (ended) impl_->manager_->job_removed(job, to_string(ended->state));
  });
}

void BusService::job_forgotten(std::int64_t job) {
  impl_->publish([&] {
    const auto object = impl_->jobs_.find(job);
    if (object == impl_->jobs_.end()) return;
    object->second->emitInterfacesRemovedSignal();
    impl_->jobs_.erase(object);
  });
}

void BusService::job_output(const std::string& follower, std::int64_t job, std::uint64_t first,
                            const std::vector<OutputLine>& lines, bool end) {
  impl_->publish([&] { impl_->manager_->job_output(follower, job, first, encode_lines(lines), end); });
}

void BusService::manager_changed() {
  impl_->publish([&] { impl_->manager_->changed(); });
}

}  // namespace cyborg::bus
