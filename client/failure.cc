// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/failure.h"

#include <array>
#include <string_view>

#include "core/error.h"

namespace cyborg::client {
namespace {

constexpr std::string_view kHintMark = "\nhint: ";
constexpr std::string_view kUnreachableHint = "systemctl status cyborgd shows why";

struct Row {
  std::string_view name;  // the name without org.freedesktop.DBus.Error.
  int status;
  std::string_view hint;
};

// Errors of the bus itself; our own errors and the two of polkit are rows of the table in core/error.cc.
constexpr std::array kBusErrors{
    Row{"ServiceUnknown", kUnreachable, kUnreachableHint},
    Row{"NameHasNoOwner", kUnreachable, kUnreachableHint},
    Row{"NoReply", kUnreachable, kUnreachableHint},
    Row{"Timeout", kUnreachable, kUnreachableHint},
    Row{"TimedOut", kUnreachable, kUnreachableHint},
    Row{"Disconnected", kUnreachable, kUnreachableHint},
    Row{"NoServer", kUnreachable, "is the system bus running?"},
    Row{"FileNotFound", kUnreachable, "is the system bus running?"},
    Row{"InvalidArgs", kUsage, ""},
    Row{"UnknownMethod", kFailed, "cyborgd is older than this cyborgctl"},
    Row{"UnknownInterface", kFailed, "cyborgd is older than this cyborgctl"},
};

const Row* find_bus_error(std::string_view name) {
  constexpr std::string_view kPrefix = "org.freedesktop.DBus.Error.";
  if (!name.starts_with(kPrefix)) return nullptr;
  name.remove_prefix(kPrefix.size());
  for (const auto& row : kBusErrors) {
    if (name == row.name || (name.starts_with("Spawn.") && row.status == kUnreachable)) return &row;
  }
  return nullptr;
}

}  // namespace

Failure usage(const std::string& message, std::string hint) {
  return Failure(kUsage, message, std::move(hint));
}

Failure from_bus(const sdbus::Error& error) {
  const auto name = compat::error_name(error);
  auto message = compat::error_message(error);
  if (message.empty()) message = name;
  std::string hint;
  if (const auto mark = message.find(kHintMark); mark != std::string::npos) {
    hint = message.substr(mark + kHintMark.size());
    message.resize(mark);
  }
  int status = kFailed;
  std::string_view general_hint;
  if (const auto* own = find_error_info(name)) {
    status = own->exit_status;
    general_hint = own->hint;
  } else if (const auto* row = find_bus_error(name)) {
    status = row->status;
    general_hint = row->hint;
    if (status == kUnreachable) message = "cyborgd cannot be reached: " + message;
  }
  return Failure(status, message, hint.empty() ? std::string(general_hint) : hint, name);
}

bool is_missing_object(const Failure& failure) {
  return failure.bus_error == "org.freedesktop.DBus.Error.UnknownObject" ||
         failure.bus_error == "org.freedesktop.DBus.Error.UnknownMethod";
}

}  // namespace cyborg::client
