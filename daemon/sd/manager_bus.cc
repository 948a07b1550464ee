// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/manager_bus.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

namespace cyborg::sd {
namespace {

constexpr char kService[] = "org.freedesktop.systemd1";
constexpr char kPath[] = "/org/freedesktop/systemd1";
constexpr char kInterface[] = "org.freedesktop.systemd1.Manager";
constexpr char kUnits[] = "/org/freedesktop/systemd1/unit";
constexpr char kServiceInterface[] = "org.freedesktop.systemd1.Service";
constexpr char kUnitInterface[] = "org.freedesktop.systemd1.Unit";
constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kReconnect[] = "sd.reconnect";

// dbus-daemon refuses a connection's 129th unanswered call.
constexpr std::size_t kMaxInFlight = 64;
// A reload of several thousand units delays every other answer.
constexpr std::chrono::microseconds kTimeout = std::chrono::minutes{3};

bool is_lost(std::string_view name) {
  static constexpr std::string_view kLost[] = {
      "org.freedesktop.DBus.Error.NoReply",        "org.freedesktop.DBus.Error.Timeout",
      "org.freedesktop.DBus.Error.Disconnected",   "org.freedesktop.DBus.Error.NameHasNoOwner",
      "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.TimedOut",
  };
  return std::ranges::find(kLost, name) != std::end(kLost);
}

BusFailure away() {
  return {"org.freedesktop.DBus.Error.Disconnected", "the connection to systemd was lost", true};
}

std::string path_of(const std::string& unit) {
  char* path = nullptr;
  check(sd_bus_path_encode(kUnits, unit.c_str(), &path), "sd_bus_path_encode");
  const std::unique_ptr<char, Release<std::free>> owner{path};
  return path;
}

std::string unit_of(const char* path) {
  char* unit = nullptr;
  check(sd_bus_path_decode(path, kUnits, &unit), "sd_bus_path_decode");
  const std::unique_ptr<char, Release<std::free>> owner{unit};
  return unit ? unit : "";
}

std::string unit_match(const std::string& unit) {
  return "type='signal',sender='org.freedesktop.systemd1',path='" + path_of(unit) +
         "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',arg0='" + kUnitInterface +
         "'";
}

BusFailure failure_of(sd_bus_message* reply) {
  const sd_bus_error* error = sd_bus_message_get_error(reply);
  const std::string name = error && error->name ? error->name : "";
  return {name, error && error->message ? error->message : name, is_lost(name)};
}

}  // namespace

Error to_error(const BusFailure& failure, const std::string& what) {
  const ErrorCode code = failure.lost ? ErrorCode::unavailable : ErrorCode::failed;
  return {code, what + ": " + failure.message, {}};
}

ManagerBus::ManagerBus(Loop& loop) : loop_(loop) {}

ManagerBus::~ManagerBus() {
  loop_.cancel(kReconnect);
}

void ManagerBus::connect() {
  try {
    open();
  } catch (const std::exception& error) {
    spdlog::error("cannot connect to the system bus, will try again: {}", error.what());
    loop_.after(kReconnect, std::chrono::seconds{1}, [this] { connect(); });
  }
}

void ManagerBus::open() {
  while (!sent_.empty()) reject(sent_.begin(), away());
  matches_.clear();
  for (auto& [unit, slot] : watched_) slot.reset();
  bus_.reset();
  sd_bus* bus = nullptr;
  check(sd_bus_open_system_with_description(&bus, "systemd"), "sd_bus_open_system");
  bus_.reset(bus);
  check(sd_bus_attach_event(bus, loop_.handle(), SD_EVENT_PRIORITY_NORMAL), "sd_bus_attach_event");
  add_matches();
  subscribe();
}

void ManagerBus::add_matches() {
  static constexpr const char* kMatches[] = {
      "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'",
      "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='UnitRemoved'",
      "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
      "interface='org.freedesktop.systemd1.Manager',member='Reloading'",
      // systemd leaves the bus and comes back when it re-executes itself
      "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
      "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.freedesktop.systemd1'",
      // made by sd-bus itself
      "type='signal',sender='org.freedesktop.DBus.Local',path='/org/freedesktop/DBus/Local',"
      "interface='org.freedesktop.DBus.Local',member='Disconnected'",
  };
  for (const char* match : kMatches) matches_.push_back(add_match(match));
  for (auto& [unit, slot] : watched_) slot = add_match(unit_match(unit));
}

BusSlot ManagerBus::add_match(const std::string& match) {
  sd_bus_slot* slot = nullptr;
  check(sd_bus_add_match_async(bus_.get(), &slot, match.c_str(), on_signal, nullptr, this),
        "sd_bus_add_match");
  return BusSlot{slot};
}

void ManagerBus::watch_unit(const std::string& unit) {
  auto& slot = watched_[unit];
  if (slot || !bus_ || sd_bus_is_open(bus_.get()) <= 0) return;
  // The connection is about to be found lost; the next one adds the match.
  guarded("at the watch of a unit", [&] { slot = add_match(unit_match(unit)); });
}

void ManagerBus::unwatch_unit(const std::string& unit) {
  watched_.erase(unit);
}

void ManagerBus::subscribe() {
  // Before the calls in the queue, so that no job they start can end unnoticed.
  queue_.push_front({this, kPath, kInterface, "Subscribe", nullptr,
                     [this](std::expected<sd_bus_message*, BusFailure> reply) {
                       // systemd keeps subscriptions when it re-executes itself.
                       if (!reply && reply.error().name != "org.freedesktop.systemd1.AlreadySubscribed") {
                         spdlog::error("cannot subscribe to systemd's signals: {}", reply.error().message);
                         return;
                       }
                       fail_jobs();
                       if (on_connected) on_connected();
                     },
                     nullptr});
  send_queued();
}

void ManagerBus::disconnected() {
  spdlog::error("the system bus closed the connection to systemd, connecting again");
  fail_jobs();
  // Not immediately: this runs inside the connection that is to be replaced.
  loop_.after(kReconnect, std::chrono::seconds{1}, [this] { connect(); });
}

// Their JobRemoved signals may have been missed. The handlers find out the outcome themselves.
void ManagerBus::fail_jobs() {
  for (auto& [path, handler] : std::exchange(jobs_, {}))
    guarded("at the loss of a systemd job", [&] { handler(std::unexpected(away())); });
}

void ManagerBus::call(const char* member, Fill fill, Handler handler) {
  enqueue({this, kPath, kInterface, member, std::move(fill), std::move(handler), nullptr});
}

void ManagerBus::enqueue(Call call) {
  queue_.push_back(std::move(call));
  send_queued();
}

void ManagerBus::get_service_property(const std::string& unit, const char* property,
                                      std::function<void(std::expected<std::string, BusFailure>)> handler) {
  enqueue({this, path_of(unit), kProperties, "Get",
           [property](sd_bus_message* message) {
             check(sd_bus_message_append(message, "ss", kServiceInterface, property), "Get");
           },
           [handler = std::move(handler)](std::expected<sd_bus_message*, BusFailure> reply) {
             if (!reply) return handler(std::unexpected(reply.error()));
             const char* value = nullptr;
             check(sd_bus_message_read(*reply, "v", "s", &value), "Get");
             handler(value);
           },
           nullptr});
}

void ManagerBus::run_job(const char* member, Fill fill, JobHandler handler) {
  call(member, std::move(fill),
       [this, handler = std::move(handler)](std::expected<sd_bus_message*, BusFailure> reply) {
         if (!reply) return handler(std::unexpected(reply.error()));
         const char* path = nullptr;
         check(sd_bus_message_read(*reply, "o", &path), "reading a job's path");
         jobs_[path] = handler;  // JobRemoved is always sent after this reply
       });
}

void ManagerBus::send_queued() {
  while (!queue_.empty() && sent_.size() < kMaxInFlight) {
    sent_.splice(sent_.end(), queue_, queue_.begin());
    send(std::prev(sent_.end()));
  }
}

void ManagerBus::send(std::list<Call>::iterator call) {
  if (!bus_ || sd_bus_is_open(bus_.get()) <= 0) return reject(call, away());
  try {
    sd_bus_message* created = nullptr;
    check(sd_bus_message_new_method_call(bus_.get(), &created, kService, call->path.c_str(), call->interface,
                                         call->member),
          "sd_bus_message_new_method_call");
    const BusMessage message{created};
    if (call->fill) call->fill(created);
    sd_bus_slot* slot = nullptr;
    check(sd_bus_call_async(bus_.get(), &slot, created, on_reply, &*call,
                            static_cast<std::uint64_t>(kTimeout.count())),
          "sd_bus_call_async");
    call->slot.reset(slot);
  } catch (const std::exception& error) {
    reject(call, {"", error.what(), false});
  }
}

// A call that could not be sent is answered later, like any other.
void ManagerBus::reject(std::list<Call>::iterator call, BusFailure failure) {
  rejected_.splice(rejected_.end(), sent_, call);
  loop_.post([this, call, failure = std::move(failure)] {
    const Handler handler = std::move(call->handler);
    rejected_.erase(call);
    handler(std::unexpected(failure));
  });
}

int ManagerBus::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) {
  auto* call = static_cast<Call*>(data);
  ManagerBus* self = call->owner;
  guarded("at an answer of systemd", [&] {
    const auto position = std::ranges::find(self->sent_, call, [](Call& sent) { return &sent; });
    if (position != self->sent_.end()) self->finish(position, reply);
  });
  guarded("at a call to systemd", [&] { self->send_queued(); });
  return 0;
}

void ManagerBus::finish(std::list<Call>::iterator call, sd_bus_message* reply) {
  const Handler handler = std::move(call->handler);
  sent_.erase(call);
  if (sd_bus_message_is_method_error(reply, nullptr)) {
    handler(std::unexpected(failure_of(reply)));
  } else {
    handler(reply);
  }
}

int ManagerBus::on_signal(sd_bus_message* signal, void* self, sd_bus_error*) {
  guarded("at a signal of systemd", [&] { static_cast<ManagerBus*>(self)->dispatch(signal); });
  return 0;
}

void ManagerBus::dispatch(sd_bus_message* signal) {
  const std::string_view member = sd_bus_message_get_member(signal);
  if (member == "JobRemoved") {
    std::uint32_t id = 0;
    const char *path = nullptr, *unit = nullptr, *result = nullptr;
    check(sd_bus_message_read(signal, "uoss", &id, &path, &unit, &result), "JobRemoved");
    if (auto job = jobs_.extract(path)) job.mapped()(result);
  } else if (member == "UnitRemoved") {
    const char *unit = nullptr, *path = nullptr;
    check(sd_bus_message_read(signal, "so", &unit, &path), "UnitRemoved");
    if (on_unit_removed) on_unit_removed(unit);
  } else if (member == "PropertiesChanged") {
    unit_changed(signal);
  } else if (member == "Reloading") {
    int active = 0;
    check(sd_bus_message_read(signal, "b", &active), "Reloading");
    if (!active && on_reloaded) on_reloaded();
  } else if (member == "NameOwnerChanged") {
    const char *name = nullptr, *before = nullptr, *now = nullptr;
    check(sd_bus_message_read(signal, "sss", &name, &before, &now), "NameOwnerChanged");
    if (*now) subscribe();
  } else if (member == "Disconnected") {
    disconnected();
  }
}

void ManagerBus::unit_changed(sd_bus_message* signal) {
  const char* interface = nullptr;
  check(sd_bus_message_read(signal, "s", &interface), "PropertiesChanged");
  check(sd_bus_message_enter_container(signal, 'a', "{sv}"), "PropertiesChanged");
  while (check(sd_bus_message_enter_container(signal, 'e', "sv"), "PropertiesChanged") > 0) {
    const char *name = nullptr, *state = nullptr;
    check(sd_bus_message_read(signal, "s", &name), "PropertiesChanged");
    if (std::string_view{name} == "ActiveState") {
      check(sd_bus_message_read(signal, "v", "s", &state), "ActiveState");
      if (std::string_view{state} == "failed" && on_unit_failed)
        on_unit_failed(unit_of(sd_bus_message_get_path(signal)));
      return;
    }
    check(sd_bus_message_skip(signal, "v"), "PropertiesChanged");
    check(sd_bus_message_exit_container(signal), "PropertiesChanged");
  }
}

}  // namespace cyborg::sd
