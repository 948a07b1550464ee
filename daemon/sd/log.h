// Where the daemon's words go. Plain lines are spdlog's; events that programs match on are log_event's.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace cyborg::sd {

// Sets spdlog's default logger: standard error, with sd-daemon's "<N>" before each line where that is the
// journal, otherwise for people's eyes.
void init_log();

enum class Priority { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// One journal entry with a MESSAGE_ID (dbus/names.h) and fields (CYBORG_JOB …); where there is no journal, a
// line. Field names are upper case; values may hold anything.
void log_event(std::string_view message_id, Priority priority, std::string_view message,
               const std::map<std::string, std::string>& fields);

}  // namespace cyborg::sd
