// SPDX-License-Identifier: GPL-3.0-or-later
// The daemon's log output. Plain lines go through spdlog; events that programs match on go through
// log_event().
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace cyborg::sd {

// Sets spdlog's default logger: on standard error, with sd-daemon's "<N>" before each line if that is the
// journal, and in a format for people otherwise.
void init_log();

enum class Priority { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// Logs a journal entry with a MESSAGE_ID (dbus/names.h) and fields (CYBORG_JOB …), or a plain line without a
// journal. Field names are upper case; values may contain anything.
void log_event(std::string_view message_id, Priority priority, std::string_view message,
               const std::map<std::string, std::string>& fields);

}  // namespace cyborg::sd
