// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/connection.h"

#include <cstdlib>
#include <string_view>

namespace cyborg::client {
namespace {

using namespace std::chrono_literals;

// Longer than any regular answer takes, including the time to type a password; shorter than the two minutes
// that cyborg-policy@.service allows for a try.
constexpr auto kTimeout = 100s;

std::unique_ptr<sdbus::IConnection> open_bus() try {
  const char* bus = std::getenv("CYBORG_BUS");
  if (bus && std::string_view(bus) == "session") return sdbus::createSessionBusConnection();
  return sdbus::createSystemBusConnection();
} catch (const sdbus::Error& error) {
  throw Failure(kUnreachable, "the system bus cannot be reached: " + compat::error_message(error),
                "is dbus.service running?");
}

}  // namespace

Connection::Connection(bool interactive) : interactive_(interactive), bus_(open_bus()) {}

sdbus::MethodReply Connection::send(sdbus::IProxy& proxy, sdbus::MethodCall& message) {
  if (interactive_) compat::allow_interactive(message);
  if (!starts_) compat::start_nobody(message);
  return compat::call(proxy, message, kTimeout);
}

}  // namespace cyborg::client
