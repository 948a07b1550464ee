// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/restore_spec.h"

#include <algorithm>

#include "core/property_values.h"

namespace cyborg {
namespace {

// Reads the JSON value for a row's member; returns whether it has the member's type.
class Taking {
 public:
  Taking(const Json::Value& value, RestoreSpec& spec) : value_(value), spec_(spec) {}

  bool operator()(bool RestoreSpec::* member) {
    if (value_.isBool()) spec_.*member = value_.asBool();
    return value_.isBool();
  }
  bool operator()(std::string RestoreSpec::* member) {
    if (value_.isString()) spec_.*member = value_.asString();
    return value_.isString();
  }
  bool operator()(std::vector<std::string> RestoreSpec::* member) {
    if (!value_.isArray() || !all_texts()) return false;
    for (const auto& text : value_) (spec_.*member).push_back(text.asString());
    return true;
  }
  bool operator()(std::map<std::string, std::string> RestoreSpec::* member) {
    if (!value_.isObject() || !all_texts()) return false;
    for (const auto& name : value_.getMemberNames()) (spec_.*member)[name] = value_[name].asString();
    return true;
  }
  template <typename Other>
  bool operator()(Other) {
    return false;  // no option has another type
  }

 private:
  bool all_texts() const { return std::ranges::all_of(value_, &Json::Value::isString); }

  const Json::Value& value_;
  RestoreSpec& spec_;
};

}  // namespace

Json::Value to_json(const RestoreSpec& spec) {
  Json::Value json{Json::objectValue};
  for (const auto& row : kProperties<RestoreSpec>) json[row.key] = json_of(row, spec);
  return json;
}

const char* take_json(const Json::Value& json, RestoreSpec& spec) {
  const char* bad = nullptr;
  for (const auto& row : kProperties<RestoreSpec>) {
    const Json::Value value = json.isObject() ? json[row.key] : Json::Value{};
    if (!std::visit(Taking{value, spec}, row.member) && !bad) bad = row.key;
  }
  return bad;
}

}  // namespace cyborg
