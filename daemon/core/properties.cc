// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/properties.h"

#include <algorithm>
#include <limits>

#include "core/property_values.h"
#include "core/restore_spec.h"

namespace cyborg {
namespace {

// A member without a row would be neither stored nor shown: it does not compile.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};
template <typename Object, typename... Values>
consteval std::size_t member_count() {
  if constexpr (requires { Object{Values{}..., Anything{}}; }) {
    return member_count<Object, Values..., Anything>();
  } else {
    return sizeof...(Values);
  }
}
template <typename Object>
consteval std::size_t named_members() {
  std::size_t count = 0;
  for (const auto& row : kProperties<Object>) {
    if (std::holds_alternative<Span<Object>>(row.member)) ++count;
    if (!std::holds_alternative<Computed>(row.member)) ++count;
  }
  return count;
}
template <typename Object>
constexpr bool kEachMemberHasARow = member_count<Object>() == named_members<Object>();
static_assert(kEachMemberHasARow<Schedule>);
static_assert(kEachMemberHasARow<Repository>);
static_assert(kEachMemberHasARow<Client>);
static_assert(kEachMemberHasARow<Policy>);
static_assert(kEachMemberHasARow<Retention>);
static_assert(kEachMemberHasARow<RestoreSpec>);

struct Form {
  ValueType type{};
  const char* given = nullptr;
  const char* shown = nullptr;
  std::optional<ObjectKind> refers_to{};
};

template <typename Object>
struct FormOf {
  Form operator()(bool Object::*) const { return {ValueType::flag, "b", "b"}; }
  Form operator()(int Object::*) const { return {ValueType::number, "u", "u"}; }
  Form operator()(std::int64_t Object::*) const { return {ValueType::number, "t", "t"}; }
  Form operator()(std::string Object::*) const { return {ValueType::text, "s", "s"}; }
  Form operator()(std::vector<std::string> Object::*) const { return {ValueType::list, "as", "as"}; }
  Form operator()(Json::Value Object::*) const { return {ValueType::variables, "a{sv}", "a{sv}"}; }
  Form operator()(std::vector<Hook> Object::*) const { return {ValueType::hooks, "aa{sv}", "aa{sv}"}; }
  Form operator()(Retention Object::*) const { return {ValueType::retention, nullptr, "a{sv}"}; }
  Form operator()(std::map<std::string, Retention> Object::*) const {
    return {ValueType::client_retention, "a{sv}", "a{sv}"};
  }
  Form operator()(std::map<std::string, std::string> Object::*) const {
    return {ValueType::renamed, "a{sv}", "a{sv}"};
  }
  Form operator()(Span<Object>) const { return {ValueType::span, "s", "t"}; }
  Form operator()(Rate<Object>) const { return {ValueType::rate, "t", "t"}; }
  Form operator()(Reference<Object> reference) const { return {ValueType::name, "s", "s", reference.kind}; }
  Form operator()(References<Object> references) const {
    return {ValueType::names, "as", "as", references.kind};
  }
  Form operator()(Computed computed) const {
    switch (computed) {
      case Computed::ready:
      case Computed::damaged:
        return {ValueType::names, "as", "as", ObjectKind::client};
      case Computed::unusable:
      case Computed::timer:
        return {ValueType::text, "s", "s"};
    }
    return {};
  }
};

bool is_given(Access access) {
  return access == Access::creation || access == Access::settable;
}

template <typename Object>
PropertyInfo info_of(const Property<Object>& row) {
  static const Object fresh;
  const Form form = std::visit(FormOf<Object>{}, row.member);
  std::string option = row.option ? row.option : "--" + std::string{row.key};
  if (!row.option) std::ranges::replace(option, '_', '-');
  const bool given = is_given(row.access);
  return {row.key,
          row.access,
          row.sentence,
          form.type,
          given ? form.given : nullptr,
          row.access == Access::internal ? nullptr : form.shown,
          form.refers_to,
          row.values,
          row.least,
          row.most,
          row.required,
          given ? option : "",
          row.heading,
          json_of(row, fresh)};
}

template <typename Object>
std::vector<PropertyInfo> infos_of() {
  std::vector<PropertyInfo> infos;
  for (const auto& row : kProperties<Object>) {
    infos.push_back(info_of(row));
    if (row.access != Access::parts) continue;
    for (auto& part : infos_of<Retention>()) {
      part.shown = nullptr;  // only as a part
      infos.push_back(std::move(part));
    }
  }
  return infos;
}

const char* word_of(const PropertyInfo& property) {
  return property.can_be_set() ? "always" : property.can_be_added() ? "add" : "no";
}

}  // namespace

std::string bus_name_of(std::string_view key) {
  std::string name;
  bool upper = true;
  for (const char c : key) {
    if (c == '_') {
      upper = true;
      continue;
    }
    name += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return name;
}

const char* to_string(ValueType type) {
  switch (type) {
    case ValueType::flag:
      return "flag";
    case ValueType::number:
      return "number";
    case ValueType::text:
      return "text";
    case ValueType::list:
      return "list";
    case ValueType::span:
      return "span";
    case ValueType::rate:
      return "rate";
    case ValueType::name:
      return "name";
    case ValueType::names:
      return "names";
    case ValueType::renamed:
      return "renamed";
    case ValueType::variables:
      return "variables";
    case ValueType::hooks:
      return "hooks";
    case ValueType::retention:
      return "retention";
    case ValueType::client_retention:
      return "client_retention";
  }
  return "";
}

const char* to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::schedule:
      return "schedule";
    case ObjectKind::repository:
      return "repository";
    case ObjectKind::client:
      return "client";
    case ObjectKind::policy:
      return "policy";
  }
  return "";
}

ErrorCode no_such(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::schedule:
      return ErrorCode::no_such_schedule;
    case ObjectKind::repository:
      return ErrorCode::no_such_repository;
    case ObjectKind::client:
      return ErrorCode::no_such_client;
    case ObjectKind::policy:
      return ErrorCode::no_such_policy;
  }
  return ErrorCode::failed;
}

std::span<const PropertyInfo> properties_of(ObjectKind kind) {
  static const auto schedule = infos_of<Schedule>();
  static const auto repository = infos_of<Repository>();
  static const auto client = infos_of<Client>();
  static const auto policy = infos_of<Policy>();
  switch (kind) {
    case ObjectKind::schedule:
      return schedule;
    case ObjectKind::repository:
      return repository;
    case ObjectKind::client:
      return client;
    case ObjectKind::policy:
      return policy;
  }
  return {};
}

std::span<const PropertyInfo> restore_properties() {
  static const auto all = infos_of<RestoreSpec>();
  return all;
}

Json::Value property_record(ObjectKind kind, const PropertyInfo& property) {
  Json::Value record{Json::objectValue};
  record["object"] = to_string(kind);
  record["name"] = property.key;
  record["type"] = to_string(property.type);
  record["signature"] = property.given ? property.given : property.shown;
  record["set"] = word_of(property);
  record["required"] = property.required;
  record["description"] = property.sentence;
  if (property.refers_to) record["of"] = to_string(*property.refers_to);
  if (property.values) {
    for (const auto& value : property.values()) record["values"].append(value);
  }
  if (!property.can_be_added()) return record;
  record["default"] = property.fresh;
  if (property.type != ValueType::number && property.type != ValueType::rate) return record;
  record["minimum"] = Json::Int64{property.least};
  if (property.most != std::numeric_limits<std::int64_t>::max())
    record["maximum"] = Json::Int64{property.most};
  return record;
}

std::vector<Json::Value> property_records() {
  std::vector<Json::Value> records;
  for (const ObjectKind kind : kObjectKinds) {
    for (const auto& property : properties_of(kind)) {
      if (property.access != Access::internal) records.push_back(property_record(kind, property));
    }
  }
  return records;
}

}  // namespace cyborg
