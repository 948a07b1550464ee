// SPDX-License-Identifier: GPL-3.0-or-later
// org.freedesktop.systemd1.Manager over a separate connection to the system bus.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "sd/loop.h"
#include "sd/unique.h"

namespace cyborg::sd {

struct BusFailure {
  std::string name;  // the name of the D-Bus error
  std::string message;
  bool lost = false;  // the connection or systemd went away: the request may or may not have taken effect
};

// An error "WHAT: MESSAGE"; its code is unavailable if systemd's manager is away, and failed otherwise.
Error to_error(const BusFailure& failure, const std::string& what);

class ManagerBus {
 public:
  using Fill = std::function<void(sd_bus_message*)>;  // appends the arguments
  using Handler = std::function<void(std::expected<sd_bus_message*, BusFailure>)>;
  using JobHandler = std::function<void(std::expected<std::string, BusFailure>)>;

  explicit ManagerBus(Loop& loop);
  ~ManagerBus();
  ManagerBus(const ManagerBus&) = delete;
  ManagerBus& operator=(const ManagerBus&) = delete;

  // Set the callbacks first.
  void connect();
  // Calls are sent in order; each handler is called once, later.
  void call(const char* member, Fill fill, Handler handler);
  // Calls a method that creates a systemd job: when the job is over, the handler gets its result, "done" or
  // another.
  void run_job(const char* member, Fill fill, JobHandler handler);
  // The value of a string property of a service unit.
  void get_service_property(const std::string& unit, const char* property,
                            std::function<void(std::expected<std::string, BusFailure>)> handler);

  // Enables on_unit_failed for the unit, also for calls sent to systemd just after this one. systemd does not
  // announce the end of a failed unit.
  void watch_unit(const std::string& unit);
  void unwatch_unit(const std::string& unit);

  std::function<void()>
      on_connected;  // subscribed, initially and after every loss: known state may be outdated
  std::function<void(const std::string& unit)> on_unit_removed;
  std::function<void(const std::string& unit)> on_unit_failed;  // for watched units only
  std::function<void()> on_reloaded;

 private:
  struct Call {
    ManagerBus* owner;
    std::string path;
    const char* interface;
    const char* member;
    Fill fill;
    Handler handler;
    BusSlot slot;
  };

  void open();
  void add_matches();
  BusSlot add_match(const std::string& match);
  void enqueue(Call call);
  void subscribe();
  void disconnected();
  void send_queued();
  void send(std::list<Call>::iterator call);
  void finish(std::list<Call>::iterator call, sd_bus_message* reply);
  void reject(std::list<Call>::iterator call, BusFailure failure);
  void fail_jobs();
  static int on_reply(sd_bus_message* reply, void* call, sd_bus_error* error);
  static int on_signal(sd_bus_message* signal, void* self, sd_bus_error* error);
  void dispatch(sd_bus_message* signal);
  void unit_changed(sd_bus_message* signal);

  Loop& loop_;
  Bus bus_;
  std::vector<BusSlot> matches_;
  std::map<std::string, BusSlot> watched_;  // by unit
  std::list<Call> queue_, sent_, rejected_;
  std::map<std::string, JobHandler> jobs_;  // by object path
};

}  // namespace cyborg::sd
