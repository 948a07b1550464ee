// SPDX-License-Identifier: GPL-3.0-or-later
// JSON as text, for tables of tests.
#pragma once

#include <json/reader.h>
#include <json/value.h>
#include <json/writer.h>

#include <sstream>
#include <string>

namespace cyborg::test {

inline Json::Value json(const std::string& text) {
  Json::CharReaderBuilder builder;
  std::istringstream stream{text};
  Json::Value value;
  std::string errors;
  if (!Json::parseFromStream(builder, stream, &value, &errors)) throw std::runtime_error(errors + text);
  return value;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace cyborg::test
