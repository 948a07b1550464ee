// SPDX-License-Identifier: GPL-3.0-or-later
// The bus as cyborgctl sees it: synchronous calls whose errors are Failures.
#pragma once

#include <memory>
#include <string>
#include <tuple>

#include "client/bus/agent.h"
#include "client/failure.h"
#include "dbus/compat.h"
#include "dbus/names.h"

namespace cyborg::client {

struct Target {
  std::string path;
  std::string interface;
  std::string service = names::kBusName;
};

inline Target manager() {
  return {names::kRootPath, names::kManagerInterface};
}

class Connection {
 public:
  // Connects to the system bus (DBUS_SYSTEM_BUS_ADDRESS overrides its address), or with CYBORG_BUS=session to
  // the user's bus, for tests. interactive: polkit may ask the user on this terminal.
  explicit Connection(bool interactive);

  // A read-only call. One result is returned as it is, several as a tuple.
  template <typename... Results, typename... Arguments>
  auto query(const Target& target, const std::string& method, const Arguments&... arguments) {
    return call<Results...>(target, method, arguments...);
  }

  // A call that changes something and may ask for a password.
  template <typename... Results, typename... Arguments>
  auto act(const Target& target, const std::string& method, const Arguments&... arguments) {
    if (interactive_ && !agent_) agent_ = std::make_unique<PasswordAgent>();
    return call<Results...>(target, method, arguments...);
  }

  // From now on, calls do not activate a service that is not running.
  void start_nothing() { starts_ = false; }

  sdbus::IConnection& bus() { return *bus_; }

 private:
  template <typename... Results, typename... Arguments>
  auto call(const Target& target, const std::string& method, const Arguments&... arguments) try {
    const auto proxy = compat::create_proxy(*bus_, target.service, target.path);
    auto message = compat::create_call(*proxy, target.interface, method);
    static_cast<void>((message << ... << arguments));
    auto reply = send(*proxy, message);
    std::tuple<Results...> results;
    std::apply([&reply](auto&... result) { static_cast<void>((reply >> ... >> result)); }, results);
    if constexpr (sizeof...(Results) == 1) {
      return std::get<0>(std::move(results));
    } else {
      return results;
    }
  } catch (const sdbus::Error& error) {
    throw from_bus(error);
  }

  sdbus::MethodReply send(sdbus::IProxy& proxy, sdbus::MethodCall& message);

  bool interactive_, starts_ = true;
  std::unique_ptr<sdbus::IConnection> bus_;
  std::unique_ptr<PasswordAgent> agent_;
};

}  // namespace cyborg::client
