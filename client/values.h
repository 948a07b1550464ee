// SPDX-License-Identifier: GPL-3.0-or-later
// KEY=VALUE, rates and times of the command line, as values for the API.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/properties.h"
#include "dbus/variant_json.h"

namespace cyborg::client {

struct Assignment {
  enum class How { replace, add, remove };  // KEY=VALUE, KEY+=VALUE, KEY-=VALUE

  std::string key;
  std::string value;
  How how = How::replace;
};

Assignment parse_assignment(const std::string& text);

// Parses a text that is a JSON array, object, string, number, true or false; any other text stays text.
Json::Value parse_value(const std::string& text);

// Parses KEY=VALUE of --var; a repeated key makes a list, and variables that are lists always do.
Json::Value parse_variables(const std::vector<std::string>& assignments);

// The problem with a text that should be a whole number; empty if there is none.
std::string number_problem(const std::string& text, std::uint64_t least, std::uint64_t most);

// A transfer rate in KiB/s: "500", "500K", "10M", "1.5MiB", "1G".
std::uint64_t parse_rate(const std::string& text);

// The changes of `set NAME ASSIGNMENT…`. current: the object's properties, for += and -=. An unknown key is
// passed as text: cyborgd refuses it and lists the valid ones.
VariantMap parse_properties(std::span<const PropertyInfo> keys, const std::vector<std::string>& assignments,
                            const Json::Value& current);

// Converts a value to the type of its property.
sdbus::Variant typed_value(const PropertyInfo& property, const std::string& text);

std::vector<std::string> split(const std::string& text, char separator);

}  // namespace cyborg::client
