// SPDX-License-Identifier: GPL-3.0-or-later
// Conversion between properties and JSON, according to their rows: input of callers, and stored compounds.
#pragma once

#include "core/fields.h"
#include "core/hooks.h"
#include "core/model.h"

namespace cyborg {

template <typename Object>
void read_properties(Fields& fields, Object& object, bool create);

template <typename Object>
Json::Value json_of_set(const Object& object);

// A visitor for a row's member: sets it in the object from the field of that key, if there is one.
template <typename Object>
class PropertyReader {
 public:
  PropertyReader(Fields& fields, const Property<Object>& row, Object& object)
      : fields_(fields), row_(row), object_(object) {}

  void operator()(bool Object::* member) { fields_.flag(row_.key, object_.*member); }
  void operator()(int Object::* member) {
    std::int64_t number = object_.*member;
    fields_.number(row_.key, number, row_.least, row_.most);
    object_.*member = static_cast<int>(number);
  }
  void operator()(std::int64_t Object::* member) {
    fields_.number(row_.key, object_.*member, row_.least, row_.most);
  }
  void operator()(std::string Object::* member) { fields_.text(row_.key, object_.*member, check()); }
  void operator()(std::vector<std::string> Object::* member) {
    fields_.list(row_.key, object_.*member, check());
  }
  void operator()(Json::Value Object::* member) { fields_.object(row_.key, object_.*member); }
  void operator()(std::vector<Hook> Object::* member) {
    Json::Value list{Json::arrayValue};
    if (!fields_.objects(row_.key, list)) return;
    auto hooks = hooks_from_json(list);
    if (!hooks) return fields_.refuse(hooks.error());
    object_.*member = std::move(*hooks);
  }
  void operator()(Retention Object::* member) { read_properties(fields_, object_.*member, true); }
  // {"client": {"keep_daily": 3}}: each client named gets exactly these rules; an empty object removes
  // them.
  void operator()(std::map<std::string, Retention> Object::* member) {
    Json::Value all{Json::objectValue};
    fields_.object(row_.key, all);
    for (const auto& name : all.getMemberNames()) {
      if (!all[name].isObject()) {
        fields_.refuse(row_.key, name, "an object of rules, such as {\"keep_daily\": 3}");
        continue;
      }
      Retention keep;
      Fields rules{all[name]};
      read_properties(rules, keep, true);
      if (auto read = rules.finish(); !read) fields_.refuse(read.error());
      (object_.*member)[name] = keep;
    }
  }
  // Names, each with its new name, or "".
  void operator()(std::map<std::string, std::string> Object::* member) {
    Json::Value names{Json::objectValue};
    fields_.object(row_.key, names);
    for (const auto& name : names.getMemberNames()) {
      if (!names[name].isString()) return fields_.refuse(row_.key, name, "a name, or \"\" for the same");
      (object_.*member)[name] = names[name].asString();
    }
  }
  void operator()(Span<Object> span) { fields_.span(row_.key, object_.*span.text, object_.*span.seconds); }
  void operator()(Rate<Object> rate) { (*this)(rate.value); }
  void operator()(Reference<Object> reference) {
    fields_.text(row_.key, object_.*reference.name, check_optional_name);
  }
  void operator()(References<Object> references) {
    fields_.list(row_.key, object_.*references.names, check_object_name);
  }
  void operator()(Computed) {}

 private:
  Fields::Check check() const { return row_.check ? Fields::Check{row_.check} : Fields::Check{}; }

  Fields& fields_;
  const Property<Object>& row_;
  Object& object_;
};

template <typename Object>
void read_property(Fields& fields, const Property<Object>& row, Object& object) {
  std::visit(PropertyReader<Object>{fields, row, object}, row.member);
}

// All properties that a caller may set, when adding the object or later.
template <typename Object>
void read_properties(Fields& fields, Object& object, bool create) {
  for (const auto& row : kProperties<Object>) {
    const bool open = row.access == Access::settable || row.access == Access::parts ||
                      (create && row.access == Access::creation);
    if (open) read_property(fields, row, object);
  }
}

// The inverse of json_of_set; a new object if the JSON is not from there.
template <typename Object>
Object object_from_json(const Json::Value& json) {
  Object object;
  Fields fields{json};
  read_properties(fields, object, true);
  return fields.finish() ? object : Object{};
}

// A visitor for a row's member: its value, a time span as written.
template <typename Object>
class PropertyJson {
 public:
  explicit PropertyJson(const Object& object) : object_(object) {}

  Json::Value operator()(bool Object::* member) const { return object_.*member; }
  Json::Value operator()(int Object::* member) const { return object_.*member; }
  Json::Value operator()(std::int64_t Object::* member) const { return Json::Int64{object_.*member}; }
  Json::Value operator()(std::string Object::* member) const { return object_.*member; }
  Json::Value operator()(std::vector<std::string> Object::* member) const {
    Json::Value list{Json::arrayValue};
    for (const auto& text : object_.*member) list.append(text);
    return list;
  }
  Json::Value operator()(Json::Value Object::* member) const { return object_.*member; }
  Json::Value operator()(std::vector<Hook> Object::* member) const { return to_json(object_.*member); }
  Json::Value operator()(Retention Object::* member) const { return json_of_set(object_.*member); }
  Json::Value operator()(std::map<std::string, Retention> Object::* member) const {
    Json::Value all{Json::objectValue};
    for (const auto& [name, keep] : object_.*member) all[name] = json_of_set(keep);
    return all;
  }
  Json::Value operator()(std::map<std::string, std::string> Object::* member) const {
    Json::Value all{Json::objectValue};
    for (const auto& [name, other] : object_.*member) all[name] = other;
    return all;
  }
  Json::Value operator()(Span<Object> span) const { return object_.*span.text; }
  Json::Value operator()(Rate<Object> rate) const { return (*this)(rate.value); }
  Json::Value operator()(Reference<Object> reference) const { return object_.*reference.name; }
  Json::Value operator()(References<Object> references) const { return (*this)(references.names); }
  Json::Value operator()(Computed) const { return {}; }

 private:
  const Object& object_;
};

template <typename Object>
Json::Value json_of(const Property<Object>& row, const Object& object) {
  return std::visit(PropertyJson<Object>{object}, row.member);
}

// The properties that differ from those of a new object.
template <typename Object>
Json::Value json_of_set(const Object& object) {
  static const Object fresh;
  Json::Value json{Json::objectValue};
  for (const auto& row : kProperties<Object>) {
    Json::Value value = json_of(row, object);
    if (value != json_of(row, fresh)) json[row.key] = std::move(value);
  }
  return json;
}

}  // namespace cyborg
