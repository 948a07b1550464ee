// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/error.h"

#include <algorithm>
#include <array>

namespace cyborg {
namespace {

constexpr std::array kTable{
    ErrorInfo{ErrorCode::invalid_argument, "org.cyborgbackup1.Error.InvalidArgument", 2, ""},
    ErrorInfo{ErrorCode::invalid_schedule, "org.cyborgbackup1.Error.InvalidSchedule", 2, ""},
    ErrorInfo{ErrorCode::name_taken, "org.cyborgbackup1.Error.NameTaken", 1, "choose another name"},
    ErrorInfo{ErrorCode::no_such_schedule, "org.cyborgbackup1.Error.NoSuchSchedule", 5,
              "cyborgctl schedule list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_repository, "org.cyborgbackup1.Error.NoSuchRepository", 5,
              "cyborgctl repository list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_client, "org.cyborgbackup1.Error.NoSuchClient", 5,
              "cyborgctl client list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_policy, "org.cyborgbackup1.Error.NoSuchPolicy", 5,
              "cyborgctl policy list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_job, "org.cyborgbackup1.Error.NoSuchJob", 5,
              "cyborgctl job list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_archive, "org.cyborgbackup1.Error.NoSuchArchive", 5,
              "cyborgctl archive list shows those that exist"},
    ErrorInfo{ErrorCode::no_such_setting, "org.cyborgbackup1.Error.NoSuchSetting", 5,
              "cyborgctl settings list shows those that exist"},
    ErrorInfo{ErrorCode::disabled, "org.cyborgbackup1.Error.Disabled", 1, ""},
    ErrorInfo{ErrorCode::in_use, "org.cyborgbackup1.Error.InUse", 1, ""},
    ErrorInfo{ErrorCode::job_not_cancelable, "org.cyborgbackup1.Error.JobNotCancelable", 1, ""},
    ErrorInfo{ErrorCode::access_denied, "org.freedesktop.DBus.Error.AccessDenied", 4,
              "run it as root, or ask the administrator for a polkit rule"},
    ErrorInfo{ErrorCode::interactive_authorization_required,
              "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", 4,
              "run it on a terminal, or as root"},
    ErrorInfo{ErrorCode::limits_exceeded, "org.freedesktop.DBus.Error.LimitsExceeded", 1, ""},
    ErrorInfo{ErrorCode::unavailable, "org.cyborgbackup1.Error.Unavailable", 3,
              "systemctl status cyborgd postgresql shows why; try again"},
    ErrorInfo{ErrorCode::failed, "org.cyborgbackup1.Error.Failed", 1, ""},
};

}  // namespace

const ErrorInfo& error_info(ErrorCode code) {
  // The table is complete (a test checks it), so a miss is a corrupted value: report it as a plain failure.
  const auto row = std::ranges::find(kTable, code, &ErrorInfo::code);
  return row != kTable.end() ? *row : kTable.back();
}

const ErrorInfo* find_error_info(std::string_view bus_name) {
  const auto row = std::ranges::find(kTable, bus_name, &ErrorInfo::bus_name);
  return row != kTable.end() ? &*row : nullptr;
}

}  // namespace cyborg
