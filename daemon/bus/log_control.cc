// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/log_control.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "bus/serve.h"
#include "dbus/names.h"

namespace cyborg::bus {
namespace {

struct Level {
  std::string_view name;  // syslog's name
  spdlog::level::level_enum level;
};

// If a level has several names, the first one is shown.
constexpr std::array kLevels{
    Level{"debug", spdlog::level::debug},    Level{"info", spdlog::level::info},
    Level{"notice", spdlog::level::info},    Level{"warning", spdlog::level::warn},
    Level{"err", spdlog::level::err},        Level{"crit", spdlog::level::critical},
    Level{"alert", spdlog::level::critical}, Level{"emerg", spdlog::level::critical},
};

[[noreturn]] void refuse(const char* property, const std::string& value, std::string_view expected) {
  throw to_bus_error(
      {ErrorCode::invalid_argument, fmt::format("{} \"{}\": expected {}", property, value, expected), {}});
}

}  // namespace

LogControl::LogControl(sdbus::IConnection& connection)
    : AdaptorInterfaces(connection, sdbus::ObjectPath{names::kLogControlPath}) {
  registerAdaptor();
}
LogControl::~LogControl() {
  unregisterAdaptor();
}

// As in systemd's own services: without asking polkit.
void LogControl::require_root(const char* property) {
  if (compat::current_euid(getObject()) == uid_t{0}) return;
  throw to_bus_error({ErrorCode::access_denied, fmt::format("{}: only root may change it", property), {}});
}

std::string LogControl::LogLevel() {
  const auto level = std::ranges::find(kLevels, spdlog::get_level(), &Level::level);
  return std::string{level == kLevels.end() ? kLevels.front().name : level->name};
}

void LogControl::LogLevel(const std::string& value) {
  require_root("LogLevel");
  const auto level = std::ranges::find(kLevels, value, &Level::name);
  if (level == kLevels.end()) {
    refuse("LogLevel", value, "debug, info, notice, warning, err, crit, alert or emerg");
  }
  spdlog::set_level(level->level);
}

// systemd sets the variable if standard error is the journal.
std::string LogControl::LogTarget() {
  return std::getenv("JOURNAL_STREAM") ? "journal" : "console";
}

void LogControl::LogTarget(const std::string& value) {
  require_root("LogTarget");
  if (const std::string current = LogTarget(); value != current && value != "auto") {
    refuse("LogTarget", value, current);
  }
}

}  // namespace cyborg::bus
