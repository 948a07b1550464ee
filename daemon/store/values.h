// SPDX-License-Identifier: GPL-3.0-or-later
// Values in PostgreSQL's text format, in both directions.
#pragma once

#include <json/value.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/model.h"

namespace cyborg::store {

// A bytea.
struct Bytes {
  std::string data;
};

// The parameters $1, $2 … of a statement.
class Params {
 public:
  struct Value {
    std::optional<std::string> text;
    bool binary = false;
  };

  Params() = default;
  template <typename... T>
    requires(sizeof...(T) > 0)
  explicit Params(const T&... values) {
    values_.reserve(sizeof...(T));
    (add(values), ...);
  }

  void add(const std::string& value) { values_.push_back({value, false}); }
  void add(const Bytes& value) { values_.push_back({value.data, true}); }
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  void add(Number value) {
    if constexpr (std::is_same_v<Number, bool>) {
      add(std::string{value ? "t" : "f"});
    } else {
      add(std::to_string(value));
    }
  }
  void add(std::chrono::seconds value) { add(value.count()); }
  void add(JobKind value) { add(std::string{to_string(value)}); }
  void add(JobState value) { add(std::string{to_string(value)}); }
  void add(const std::vector<std::string>& values);   // as text[]
  void add(const std::vector<std::int64_t>& values);  // as bigint[]
  void add(const Json::Value& value);                 // as jsonb
  template <typename T>
  void add(const std::optional<T>& value) {
    if (value) {
      add(*value);
    } else {
      values_.push_back({});
    }
  }

  const std::vector<Value>& values() const { return values_; }

 private:
  std::vector<Value> values_;
};

// Parses PostgreSQL's text; a value that does not parse (it is from our schema) becomes zero or empty.
void from_text(std::string_view text, std::string& value);
void from_text(std::string_view text, Bytes& value);
void from_text(std::string_view text, bool& value);
void from_text(std::string_view text, int& value);
void from_text(std::string_view text, std::int64_t& value);
void from_text(std::string_view text, std::chrono::seconds& value);
void from_text(std::string_view text, JobKind& value);
void from_text(std::string_view text, JobState& value);
void from_text(std::string_view text, std::vector<std::string>& value);
void from_text(std::string_view text, std::vector<std::int64_t>& value);
void from_text(std::string_view text, Json::Value& value);

std::string to_text(const Json::Value& value);

// Values sent by clients end up in the history: text and jsonb refuse NUL and malformed UTF-8; see
// to_clean_utf8().
Json::Value storable_json(const Json::Value& value);

}  // namespace cyborg::store
