// SPDX-License-Identifier: GPL-3.0-or-later
#include "bus/serve.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace cyborg::bus {

sdbus::Error to_bus_error(const Error& error) {
  // Clients show the hint on a separate line.
  std::string text = error.message;
  if (!error.hint.empty()) text += "\nhint: " + error.hint;
  return compat::make_error(error_info(error.code).bus_name, text);
}

void log_request(const Actor& actor, std::string_view interface, std::string_view member,
                 const Details& details) {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  std::string text = fmt::format("{} calls {}.{}", actor.label(), interface, member);
  for (const auto& [kind, name] : details) text += fmt::format(", {} {}", kind, name);
  spdlog::debug("{}", text);
}

sdbus::Error current_exception_error(std::string_view member) noexcept {
  try {
    throw;
  } catch (const sdbus::Error& error) {
    return error;
  } catch (const std::exception& error) {
    spdlog::error("{}: {}", member, error.what());
  } catch (...) {
    spdlog::error("{}: an exception of unknown type", member);
  }
  return to_bus_error({ErrorCode::failed, "internal error; cyborgd's journal has the details", {}});
}

}  // namespace cyborg::bus
