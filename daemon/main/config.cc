// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "core/ascii.h"

namespace cyborg {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

std::string_view take(Config& config, std::string_view key, std::string_view value) {
  if (key == "Database") {
    config.database = value;
  } else if (key == "Node") {
    if (value.empty()) return "expected a name";
    config.node = value;
  } else if (key == "LogLevel") {
    if (value != "debug" && value != "info" && value != "warning" && value != "error") {
      return "expected debug, info, warning or error";
    }
    config.log_level = value;
  } else {
    return "unknown key; the keys are Database, Node and LogLevel";
  }
  return {};
}

}  // namespace

Expected<Config> parse_config(const std::string& text) {
  Config config;
  config.node = host_name();
  std::istringstream lines{text};
  std::string raw;
  bool in_section = false;
  for (int number = 1; std::getline(lines, raw); ++number) {
    if (raw.ends_with('\r')) raw.pop_back();
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    const auto wrong = [&](std::string_view why) {
      return fail(ErrorCode::invalid_argument, fmt::format("line {}: \"{}\": {}", number, line, why));
    };
    if (line.front() == '[') {
      if (line != "[cyborgd]") return wrong("the only section is [cyborgd]");
      in_section = true;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!in_section || equals == std::string_view::npos) return wrong("expected KEY=VALUE below [cyborgd]");
    const std::string_view problem =
        take(config, trim(line.substr(0, equals)), trim(line.substr(equals + 1)));
    if (!problem.empty()) return wrong(problem);
  }
  return config;
}

Expected<Config> read_config(const std::string& path) {
  std::ifstream file{path};
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return parse_config(text.str());
}

}  // namespace cyborg
