// SPDX-License-Identifier: GPL-3.0-or-later
// The settings: typed, documented defaults, one row each. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace cyborg {

struct SettingInfo {
  std::string_view name;
  std::string_view type;  // "number", "span", "size" or "flag"
  std::string_view default_value;
  std::string_view description;
};

std::span<const SettingInfo> setting_table();

using Settings = std::map<std::string, std::string>;  // only those that differ from their defaults

Expected<void> check_setting(std::string_view name, const std::string& value);
std::string setting_text(const Settings& settings, std::string_view name);
std::int64_t setting_number(const Settings& settings, std::string_view name);
std::int64_t setting_size(const Settings& settings, std::string_view name);  // bytes
bool setting_flag(const Settings& settings, std::string_view name);
std::chrono::seconds setting_span(const Settings& settings, std::string_view name);

}  // namespace cyborg
