// SPDX-License-Identifier: GPL-3.0-or-later
// The failure of a command: its exit status and message.
#pragma once

#include <stdexcept>
#include <string>

#include "dbus/compat.h"

namespace cyborg::client {

// The man page documents these; core/error.h maps the errors of the bus to them.
enum ExitStatus {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kUnreachable = 3,
  kRefused = 4,
  kNotFound = 5,
  kWarnings = 6,      // --wait, --follow: the worst job ended with warnings
  kUnsuccessful = 7,  // --wait, --follow: a job did not succeed
  kInterrupted = 130,
};

struct Failure : std::runtime_error {
  Failure(int exit_status, const std::string& message, std::string hint_text = {}, std::string error = {})
      : std::runtime_error(message),
        status(exit_status),
        hint(std::move(hint_text)),
        bus_error(std::move(error)) {}

  int status;
  std::string hint;       // what to do; may be empty
  std::string bus_error;  // the D-Bus name, for an error of the bus
};

Failure usage(const std::string& message, std::string hint = {});

// The exit status and hint for an error of the bus. A message may contain its own hint, after "\nhint: ".
Failure from_bus(const sdbus::Error& error);

// Whether the object on which the method was called does not exist.
bool is_missing_object(const Failure& failure);

}  // namespace cyborg::client
