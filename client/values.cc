// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/values.h"

#include <fmt/format.h>
#include <json/reader.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <memory>

#include "client/failure.h"
#include "core/policy_types.h"

namespace cyborg::client {
namespace {

constexpr std::string_view kVariablePrefix = "var.";

// Types that share the name of a variable share its form.
const PolicyVariable* find_variable(std::string_view name) {
  for (const PolicyType type : kPolicyTypes) {
    if (const PolicyVariable* variable = policy_type_row(type).variable(name)) return variable;
  }
  return nullptr;
}

bool holds_texts(const PolicyVariable& variable) {
  return variable.form == VariableForm::list || variable.form == VariableForm::ids;
}

// Whether it is a list even if only one value is given.
bool is_list(std::string_view name) {
  const PolicyVariable* variable = find_variable(name);
  return variable && holds_texts(*variable) && !variable->same_as;
}

// Whether it is text even if it looks different: a database may be called 2024.
bool is_text(std::string_view name) {
  const PolicyVariable* variable = find_variable(name);
  return variable && (variable->form == VariableForm::text || holds_texts(*variable));
}

template <typename Number>
Number parse_number(const std::string& key, const std::string& text) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end) throw usage(fmt::format("{}={}: a number is expected", key, text));
  return value;
}

bool parse_bool(const std::string& key, const std::string& text) {
  static const std::map<std::string_view, bool> kWords{{"yes", true},  {"true", true}, {"on", true},
                                                       {"1", true},    {"no", false},  {"false", false},
                                                       {"off", false}, {"0", false}};
  const auto word = kWords.find(text);
  if (word == kWords.end()) throw usage(fmt::format("{}={}: yes or no is expected", key, text));
  return word->second;
}

// A number as in JSON: without leading zeros, so that "007" and "+1" stay as typed.
bool looks_like_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  if (text.size() > 1 && text[0] == '0' && text[1] != '.') return false;
  return text.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

using Lists = std::map<std::string, std::vector<std::string>>;

std::vector<std::string> strings(const Json::Value& list) {
  std::vector<std::string> result;
  for (const auto& item : list) result.push_back(item.asString());
  return result;
}

void change_list(const PropertyInfo& key, const Assignment& assignment, const Json::Value& current,
                 Lists& lists) {
  auto values = key.type == ValueType::names ? split(assignment.value, ',') : std::vector{assignment.value};
  if (assignment.value.empty()) values.clear();
  const auto [list, first] = lists.try_emplace(key.key);
  if (first && assignment.how != Assignment::How::replace) list->second = strings(current[key.key]);
  for (const auto& value : values) {
    if (assignment.how == Assignment::How::remove) {
      std::erase(list->second, value);
    } else {
      list->second.push_back(value);
    }
  }
}

void refuse_unless_replace(const Assignment& assignment) {
  if (assignment.how == Assignment::How::replace) return;
  throw usage(fmt::format("{} is no list: only {}=VALUE can change it", assignment.key, assignment.key));
}

// Makes the value a list if it is not one yet.
void append_to(Json::Value& slot, Json::Value value) {
  if (!slot.isArray()) {
    Json::Value list(Json::arrayValue);
    if (!slot.isNull()) list.append(std::move(slot));
    slot = std::move(list);
  }
  if (value.isArray()) {
    for (auto& item : value) slot.append(std::move(item));
  } else {
    slot.append(std::move(value));
  }
}

}  // namespace

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> result;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = text.find(separator, start)) != std::string::npos; start = end + 1)
    result.push_back(text.substr(start, end - start));
  result.push_back(text.substr(start));
  return result;
}

Assignment parse_assignment(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw usage(fmt::format("{}: KEY=VALUE is expected", text));
  Assignment result{text.substr(0, equals), text.substr(equals + 1)};
  if (result.key.ends_with('+')) result.how = Assignment::How::add;
  if (result.key.ends_with('-')) result.how = Assignment::How::remove;
  if (result.how != Assignment::How::replace) result.key.pop_back();
  if (result.key.empty()) throw usage(fmt::format("{}: KEY=VALUE is expected", text));
  return result;
}

Json::Value parse_value(const std::string& text) {
  const bool is_json = text == "true" || text == "false" || text.starts_with('[') || text.starts_with('{') ||
                       text.starts_with('"') || looks_like_number(text);
  if (!is_json) return text;
  Json::CharReaderBuilder builder;
  builder["failIfExtra"] = true;
  const std::unique_ptr<Json::CharReader> reader(builder.newCharReader());
  Json::Value value;
  std::string errors;
  if (reader->parse(text.data(), text.data() + text.size(), &value, &errors)) return value;
  return text;
}

namespace {

Json::Value variable_value(const Assignment& assignment) {
  const bool listed = is_list(assignment.key) && assignment.value.starts_with('[');
  if (is_text(assignment.key) && !listed) return assignment.value;
  return parse_value(assignment.value);
}

}  // namespace

Json::Value parse_variables(const std::vector<std::string>& assignments) {
  Json::Value result(Json::objectValue);
  for (const auto& text : assignments) {
    const auto assignment = parse_assignment(text);
    refuse_unless_replace(assignment);
    if (assignment.key == "password") {
      throw usage("password: everybody can read the arguments of a program",
                  "--password-file takes it from a file, or with - from standard input");
    }
    auto value = variable_value(assignment);
    const bool again = result.isMember(assignment.key);
    if (!again && !is_list(assignment.key)) {
      result[assignment.key] = std::move(value);
    } else {
      append_to(result[assignment.key], std::move(value));
    }
  }
  return result;
}

std::string number_problem(const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && rest == end && value >= least && value <= most) return {};
  const bool bounded = most != std::numeric_limits<std::uint64_t>::max();
  return fmt::format("\"{}\" is no whole number from {}{}", text, least,
                     bounded ? fmt::format(" to {}", most) : std::string{" on"});
}

std::uint64_t parse_rate(const std::string& text) {
  const auto unit_start = text.find_first_not_of("0123456789.");
  const auto unit = unit_start == std::string::npos ? std::string{} : text.substr(unit_start);
  static const std::map<std::string_view, double> kUnits{
      {"", 1},       {"K", 1},        {"KiB", 1},         {"KiB/s", 1},         {"M", 1024},
      {"MiB", 1024}, {"MiB/s", 1024}, {"G", 1024 * 1024}, {"GiB", 1024 * 1024}, {"GiB/s", 1024 * 1024}};
  const auto factor = kUnits.find(unit);
  double value = 0;
  const auto* end = text.data() + text.size() - unit.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (factor == kUnits.end() || error != std::errc{} || rest != end || value > 1e9)
    throw usage(fmt::format("{}: a rate such as 500K, 10M or 1G (a second) is expected", text));
  return static_cast<std::uint64_t>(value * factor->second + 0.5);
}

sdbus::Variant typed_value(const PropertyInfo& property, const std::string& text) {
  switch (property.type) {
    case ValueType::flag:
      return sdbus::Variant{parse_bool(property.key, text)};
    case ValueType::number:
      return sdbus::Variant{parse_number<std::uint32_t>(property.key, text)};
    case ValueType::rate:
      return sdbus::Variant{parse_rate(text)};
    case ValueType::list:
    case ValueType::names:
      return sdbus::Variant{std::vector{text}};
    case ValueType::variables:
    case ValueType::client_retention:
    case ValueType::retention:
    case ValueType::renamed:
      return to_variant(parse_value(text));
    case ValueType::hooks: {
      const auto value = parse_value(text);
      if (!value.isArray()) throw usage(fmt::format("{}: a JSON list of objects is expected", property.key));
      return sdbus::Variant{to_variant_maps(value)};
    }
    case ValueType::text:
    case ValueType::span:
    case ValueType::name:
      return sdbus::Variant{text};
  }
  return sdbus::Variant{text};
}

VariantMap parse_properties(std::span<const PropertyInfo> keys, const std::vector<std::string>& assignments,
                            const Json::Value& current) {
  VariantMap result;
  Lists lists;
  std::vector<std::string> variables;
  for (const auto& text : assignments) {
    const auto assignment = parse_assignment(text);
    if (assignment.key.starts_with(kVariablePrefix)) {
      variables.push_back(text.substr(kVariablePrefix.size()));
      continue;
    }
    const auto key = std::ranges::find_if(
        keys, [&](const PropertyInfo& property) { return property.given && property.key == assignment.key; });
    const bool is_list = key != keys.end() && (key->type == ValueType::list || key->type == ValueType::names);
    if (is_list) {
      change_list(*key, assignment, current, lists);
      continue;
    }
    refuse_unless_replace(assignment);
    result[assignment.key] =
        key != keys.end() ? typed_value(*key, assignment.value) : sdbus::Variant{assignment.value};
  }
  for (const auto& [key, list] : lists) result[key] = sdbus::Variant{list};
  if (!variables.empty()) {
    auto all = current["variables"];
    const auto changed = parse_variables(variables);
    for (const auto& name : changed.getMemberNames()) all[name] = changed[name];
    result["variables"] = to_variant(all);
  }
  return result;
}

}  // namespace cyborg::client
