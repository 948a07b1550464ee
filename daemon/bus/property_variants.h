// SPDX-License-Identifier: GPL-3.0-or-later
// Properties on the bus: the C++ type of each kind of member.
#pragma once

#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/property_values.h"
#include "dbus/variant_json.h"
#include "manager/state.h"

namespace cyborg::bus {

using Strings = std::vector<std::string>;

inline uint64_t microseconds(std::chrono::seconds seconds) {
  return static_cast<uint64_t>(seconds.count()) * 1'000'000;
}

template <typename Object>
struct BusValue {
  const Object& object;

  bool operator()(bool Object::* member) const { return object.*member; }
  uint32_t operator()(int Object::* member) const { return static_cast<uint32_t>(object.*member); }
  uint64_t operator()(std::int64_t Object::* member) const { return static_cast<uint64_t>(object.*member); }
  std::string operator()(std::string Object::* member) const { return object.*member; }
  Strings operator()(Strings Object::* member) const { return object.*member; }
  VariantMap operator()(Json::Value Object::* member) const { return to_variant_map(object.*member); }
  std::vector<VariantMap> operator()(std::vector<Hook> Object::* member) const {
    return to_variant_maps(to_json(object.*member));
  }
  VariantMap operator()(Retention Object::* member) const {
    return to_variant_map(PropertyJson<Object>{object}(member));
  }
  VariantMap operator()(std::map<std::string, Retention> Object::* member) const {
    return to_variant_map(PropertyJson<Object>{object}(member));
  }
  uint64_t operator()(Span<Object> span) const { return microseconds(object.*span.seconds); }
  uint64_t operator()(Rate<Object> rate) const { return (*this)(rate.value); }
  std::string operator()(Reference<Object> reference) const { return object.*reference.name; }
  Strings operator()(References<Object> references) const { return object.*references.names; }
};

// A value that depends on more than the object of that name.
std::variant<Strings, std::string> computed_value(Computed property, const State& state,
                                                  const std::string& name);

// The row's property in the interface's type; any other type does not compile.
template <typename T, std::size_t kRow, typename Object>
T bus_value(const State& state, const Object& object, const std::string& name) {
  constexpr auto member =
      std::get<kProperties<Object>[kRow].member.index()>(kProperties<Object>[kRow].member);
  if constexpr (std::is_same_v<decltype(member), const Computed>) {
    return std::get<T>(computed_value(member, state, name));
  } else {
    static_assert(std::is_same_v<T, decltype(BusValue<Object>{object}(member))>,
                  "the XML has another type than the property's row");
    return BusValue<Object>{object}(member);
  }
}

}  // namespace cyborg::bus
