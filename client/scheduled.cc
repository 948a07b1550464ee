// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/scheduled.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace cyborg::client {

// systemd 252 passes the elapse in the environment, but repeats the first elapse at later ones: so the timer
// is asked, too, and the later time is used.
std::uint64_t elapse_time(Context& context, const std::string& timer_unit) {
  std::uint64_t time = 0;
  if (const char* text = std::getenv("TRIGGER_TIMER_REALTIME_USEC")) {
    const std::string_view digits = text;
    std::from_chars(digits.data(), digits.data() + digits.size(), time);
  }
  constexpr char kSystemd[] = "org.freedesktop.systemd1";
  const auto timer = context.bus().query<sdbus::ObjectPath>(
      {"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", kSystemd}, "LoadUnit", timer_unit);
  const auto value = context.bus().query<sdbus::Variant>({timer, "org.freedesktop.DBus.Properties", kSystemd},
                                                         "Get", std::string("org.freedesktop.systemd1.Timer"),
                                                         std::string("LastTriggerUSec"));
  time = std::max(time, value.get<std::uint64_t>());
  if (time == 0) {
    throw usage(fmt::format("{} has never elapsed", timer_unit),
                "--scheduled is for the unit that a timer starts");
  }
  return time;
}

void settle_scheduled(Failure& failure) {
  if (failure.bus_error == error_info(ErrorCode::disabled).bus_name) failure.status = kRefused;
}

}  // namespace cyborg::client
