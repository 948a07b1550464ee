// SPDX-License-Identifier: GPL-3.0-or-later
// All errors, in one table: a code, its D-Bus error name, cyborgctl's exit status and a default hint.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace cyborg {

enum class ErrorCode {
  invalid_argument,  // malformed input: the message names the field, its value and what would be valid
  invalid_schedule,  // a crontab or OnCalendar expression that is invalid or never elapses
  name_taken,        // an object of that name exists
  no_such_schedule,
  no_such_repository,
  no_such_client,
  no_such_policy,
  no_such_job,
  no_such_archive,
  no_such_setting,
  disabled,            // the message names the disabled object that is the reason
  in_use,              // removal refused: history or dependants
  job_not_cancelable,  // the job has already ended
  access_denied,
  interactive_authorization_required,
  limits_exceeded,
  unavailable,  // PostgreSQL or systemd's manager is unavailable: try again
  failed,       // everything else: a bug or a dead resource
};

// A row of the table; `exit_status` is cyborgctl's (1 failed, 2 usage, 3 unreachable, 4 refused, 5 not
// found).
struct ErrorInfo {
  ErrorCode code;
  std::string_view bus_name;
  int exit_status;
  std::string_view hint;
};

const ErrorInfo& error_info(ErrorCode code);

// The row of a D-Bus error name, or nullptr if the name is not ours.
const ErrorInfo* find_error_info(std::string_view bus_name);

// A failure as a value. Messages are lower-case, without a final stop, and contain the offending value.
struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string message;
  std::string hint;  // what to do; if empty, the table's hint
};

template <typename T>
using Expected = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(hint)});
}

}  // namespace cyborg
