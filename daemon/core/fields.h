// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an object's fields from JSON (to which a{sv} is converted): a wrong or unknown field is refused with
// its name, its value and what would be valid. Nothing is half-applied, since callers fill a copy.
#pragma once

#include <json/value.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace cyborg {

class Fields {
 public:
  // Returns what would be valid, or an empty view if the text is.
  using Check = std::function<std::string_view(const std::string&)>;

  explicit Fields(const Json::Value& json) : json_(json) {}

  // A missing field leaves the value unchanged.
  void text(const char* key, std::string& value, const Check& check = {});
  void flag(const char* key, bool& value);
  void number(const char* key, std::int64_t& value, std::int64_t least, std::int64_t most);
  void list(const char* key, std::vector<std::string>& values, const Check& check = {});
  void object(const char* key, Json::Value& value);
  // Reads a list of objects; returns whether there is one. An empty list of any type is accepted.
  bool objects(const char* key, Json::Value& list);
  // A time span such as "10min", stored as written and in seconds; "" means 0.
  void span(const char* key, std::string& text, std::chrono::seconds& seconds);

  bool has(const char* key) const { return json_.isMember(key); }
  // Records the failure of a rule across several fields; the first failure wins.
  void refuse(const char* key, std::string_view value, std::string_view expected);
  void refuse(Error error);

  // Returns the first failure, or an error for an unknown field.
  Expected<void> finish() const;

 private:
  const Json::Value* find(const char* key);

  const Json::Value& json_;
  std::set<std::string, std::less<>> known_;
  std::vector<Error> errors_;
};

// Names of objects: [a-z0-9][a-z0-9._-]{0,62}.
bool is_valid_name(std::string_view name);
Expected<void> check_name(std::string_view kind, std::string_view name);
bool has_control_characters(std::string_view text);

}  // namespace cyborg
