// SPDX-License-Identifier: GPL-3.0-or-later
// The SQL statements for objects, from the rows of their properties: a property is the column of its key, a
// time span has another column for its seconds, and names of other objects are rows of a linking table.
#pragma once

#include <fmt/format.h>

#include "core/properties.h"
#include "core/property_values.h"
#include "store/connection.h"

namespace cyborg::store {

struct Column {
  std::string name;       // quoted
  bool nullable = false;  // null for an empty text

  std::string parameter(int number) const {
    return nullable ? fmt::format("nullif(${}, '')", number) : fmt::format("${}", number);
  }
  std::string value() const { return nullable ? fmt::format("coalesce({}, '')", name) : name; }
};

// Visitors for the member of a row.

template <typename Object>
class Columns {
 public:
  Columns(const char* key, std::vector<Column>& columns) : key_(key), columns_(columns) {}

  template <typename Plain>
  void operator()(Plain) {
    add("");
  }
  void operator()(Span<Object>) {
    add("");
    add("_seconds");
  }
  void operator()(Reference<Object>) { add("", true); }
  void operator()(References<Object>) {}
  void operator()(Computed) {}

 private:
  void add(const char* suffix, bool nullable = false) {
    columns_.push_back({fmt::format("\"{}{}\"", key_, suffix), nullable});
  }

  const char* key_;
  std::vector<Column>& columns_;
};

template <typename Object>
class Writing {
 public:
  Writing(const Property<Object>& row, const Object& object, Params& params)
      : row_(row), object_(object), params_(params) {}

  template <typename Value>
  void operator()(Value Object::* member) {
    if constexpr (requires { params_.add(object_.*member); }) {
      params_.add(object_.*member);
    } else {
      params_.add(json_of(row_, object_));
    }
  }
  void operator()(Span<Object> span) {
    params_.add(object_.*span.text);
    params_.add(object_.*span.seconds);
  }
  void operator()(Rate<Object> rate) { params_.add(object_.*rate.value); }
  void operator()(Reference<Object> reference) { params_.add(object_.*reference.name); }
  void operator()(References<Object>) {}
  void operator()(Computed) {}

 private:
  const Property<Object>& row_;
  const Object& object_;
  Params& params_;
};

template <typename Object>
class Reading {
 public:
  Reading(const Property<Object>& row, const Row& from, int& column, Object& object)
      : row_(row), from_(from), column_(column), object_(object) {}

  template <typename Value>
  void operator()(Value Object::* member) {
    if constexpr (requires(std::string_view text) { from_text(text, object_.*member); }) {
      take(object_.*member);
    } else {
      Json::Value json;
      take(json);
      set(json, object_.*member);
    }
  }
  void operator()(Span<Object> span) {
    take(object_.*span.text);
    take(object_.*span.seconds);
  }
  void operator()(Rate<Object> rate) { take(object_.*rate.value); }
  void operator()(Reference<Object> reference) { take(object_.*reference.name); }
  void operator()(References<Object> references) { take(object_.*references.names); }
  void operator()(Computed) {}

 private:
  template <typename Value>
  void take(Value& value) {
    value = from_.get<Value>(column_++);
  }
  void set(const Json::Value& json, std::vector<Hook>& hooks) {
    hooks = hooks_from_json(json).value_or(std::vector<Hook>{});
  }
  void set(const Json::Value& json, Retention& keep) { keep = object_from_json<Retention>(json); }
  void set(const Json::Value& json, std::map<std::string, Retention>& keep) {
    for (const auto& name : json.getMemberNames()) keep[name] = object_from_json<Retention>(json[name]);
  }
  void set(const Json::Value& json, std::map<std::string, std::string>& names) {
    for (const auto& name : json.getMemberNames()) names[name] = json[name].asString();
  }

  const Property<Object>& row_;
  const Row& from_;
  int& column_;
  Object& object_;
};

// Their columns, in the order of the rows.
template <typename Object>
std::vector<Column> columns_of(const Property<Object>& row) {
  std::vector<Column> columns;
  std::visit(Columns<Object>{row.key, columns}, row.member);
  return columns;
}

template <typename Object>
std::string insert_statement() {
  std::string names, values;
  int number = 0;
  for (const auto& row : kProperties<Object>) {
    for (const auto& column : columns_of(row)) {
      names += (number == 0 ? "" : ", ") + column.name;
      values += (number == 0 ? "" : ", ") + column.parameter(number + 1);
      ++number;
    }
  }
  return fmt::format("insert into {} ({}) values ({})", to_string(kKind<Object>), names, values);
}

template <typename Object>
std::string update_statement() {
  std::string changes;
  int number = 0;
  for (const auto& row : kProperties<Object>) {
    for (const auto& column : columns_of(row)) {
      if (++number == 1) continue;  // the name
      changes += fmt::format("{} = {}, ", column.name, column.parameter(number));
    }
  }
  return fmt::format("update {} set {}changed = now() where name = $1", to_string(kKind<Object>), changes);
}

template <typename Object>
std::string select_statement() {
  const char* table = to_string(kKind<Object>);
  std::string list;
  for (const auto& row : kProperties<Object>) {
    for (const auto& column : columns_of(row)) {
      list += (list.empty() ? "" : ", ") + column.value();
    }
    const auto* names = std::get_if<References<Object>>(&row.member);
    if (!names) continue;
    list += fmt::format(", array(select {1} from {0}_{1} where {0} = name order by position)", table,
                        to_string(names->kind));
  }
  return fmt::format("select {} from {}", list, table);
}

template <typename Object>
Params parameters_of(const Object& object) {
  Params params;
  for (const auto& row : kProperties<Object>) {
    std::visit(Writing<Object>{row, object, params}, row.member);
  }
  return params;
}

template <typename Object>
Object object_of(const Row& from) {
  Object object;
  int column = 0;
  for (const auto& row : kProperties<Object>) {
    std::visit(Reading<Object>{row, from, column, object}, row.member);
  }
  return object;
}

}  // namespace cyborg::store
