// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

namespace cyborg::sd {
namespace {

// sd-daemon(3): the journal reads the priority of a line from its prefix.
class PriorityFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string_view prefix = prefix_of(message.level);
    line.append(prefix.data(), prefix.data() + prefix.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<PriorityFlag>(); }

 private:
  static std::string_view prefix_of(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::critical:
        return "<2>";
      case spdlog::level::err:
        return "<3>";
      case spdlog::level::warn:
        return "<4>";
      case spdlog::level::info:
        return "<6>";
      default:
        return "<7>";
    }
  }
};

// Whether standard error is the journal. $JOURNAL_STREAM identifies the file; it is compared because
// processes inherit the variable even if their standard error was redirected.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status{};
  if (!stream || fstat(STDERR_FILENO, &status) != 0) return false;
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) == stream;
}

spdlog::level::level_enum level_of(Priority priority) {
  switch (priority) {
    case Priority::error:
      return spdlog::level::err;
    case Priority::warning:
      return spdlog::level::warn;
    case Priority::notice:
    case Priority::info:
      return spdlog::level::info;
    case Priority::debug:
      return spdlog::level::debug;
  }
  return spdlog::level::info;
}

}  // namespace

void init_log() {
  std::shared_ptr<spdlog::logger> logger;
  if (stderr_is_journal()) {
    logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<PriorityFlag>('*').set_pattern("%*%v");
    logger->set_formatter(std::move(formatter));
  } else {
    logger = std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%H:%M:%S.%e %^%l%$ %v");
  }
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log_event(std::string_view message_id, Priority priority, std::string_view message,
               const std::map<std::string, std::string>& fields) {
  if (stderr_is_journal()) {
    std::vector<std::string> assignments{"MESSAGE=" + std::string{message},
                                         "PRIORITY=" + std::to_string(static_cast<int>(priority)),
                                         "MESSAGE_ID=" + std::string{message_id}};
    for (const auto& [name, value] : fields) assignments.push_back(name + "=" + value);
    std::vector<iovec> parts;
    for (auto& assignment : assignments) parts.push_back({assignment.data(), assignment.size()});
    if (sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0) return;
  }
  std::string line{message};
  for (const auto& [name, value] : fields) line += " " + name + "=" + value;
  spdlog::log(level_of(priority), "{}", line);
}

}  // namespace cyborg::sd
