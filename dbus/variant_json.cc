// SPDX-License-Identifier: GPL-3.0-or-later
#include "dbus/variant_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/utf8.h"
#include "dbus/compat.h"

namespace cyborg {
namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& what) {
  throw compat::make_error("org.cyborgbackup1.Error.InvalidArgument",
                           (key.empty() ? std::string("a value") : key) + ": " + what);
}

// In the form that a parser would produce: for jsoncpp, an Int and a UInt of the same value differ.
Json::Value number(std::uint64_t value) {
  if (value <= INT64_MAX) return Json::Value::Int64{static_cast<std::int64_t>(value)};
  return Json::Value::UInt64{value};
}
Json::Value number(std::int64_t value) {
  return Json::Value::Int64{value};
}
Json::Value number(const std::string& text) {
  return text;
}

template <typename T>
Json::Value list_to_json(const sdbus::Variant& variant) {
  Json::Value list(Json::arrayValue);
  for (const auto& item : variant.get<std::vector<T>>()) list.append(number(item));
  return list;
}

Json::Value list_of_variants_to_json(const sdbus::Variant& variant, const std::string& key) {
  Json::Value list(Json::arrayValue);
  for (const auto& item : variant.get<std::vector<sdbus::Variant>>()) list.append(to_json(item, key));
  return list;
}

Json::Value list_of_maps_to_json(const sdbus::Variant& variant) {
  Json::Value list(Json::arrayValue);
  for (const auto& item : variant.get<std::vector<VariantMap>>()) list.append(to_json(item));
  return list;
}

Json::Value real_to_json(double value, const std::string& key) {
  if (!std::isfinite(value)) refuse(key, "not a number");
  return value;
}

Json::Value basic_to_json(const sdbus::Variant& variant, char type, const std::string& key) {
  switch (type) {
    case 'b':
      return variant.get<bool>();
    case 'y':
      return number(std::int64_t{variant.get<std::uint8_t>()});
    case 'n':
      return number(std::int64_t{variant.get<std::int16_t>()});
    case 'q':
      return number(std::int64_t{variant.get<std::uint16_t>()});
    case 'i':
      return number(std::int64_t{variant.get<std::int32_t>()});
    case 'u':
      return number(std::int64_t{variant.get<std::uint32_t>()});
    case 'x':
      return number(std::int64_t{variant.get<std::int64_t>()});
    case 't':
      return number(std::uint64_t{variant.get<std::uint64_t>()});
    case 'd':
      return real_to_json(variant.get<double>(), key);
    case 's':
      return variant.get<std::string>();
    case 'o':
      return std::string(variant.get<sdbus::ObjectPath>());
    case 'g':
      return std::string(variant.get<sdbus::Signature>());
    case 'v':
      return to_json(variant.get<sdbus::Variant>(), key);
    default:
      refuse(key, std::string("the D-Bus type ") + type + " is not expected here");
  }
}

bool is_integer(const Json::Value& json) {
  return json.type() == Json::intValue || json.type() == Json::uintValue;
}
bool is_negative(const Json::Value& json) {
  return json.type() == Json::intValue && json.asInt64() < 0;
}
bool fits_int64(const Json::Value& json) {
  return json.isInt64();
}
bool is_string(const Json::Value& json) {
  return json.isString();
}
bool is_object(const Json::Value& json) {
  return json.isObject();
}

template <typename T, typename Convert>
std::vector<T> collect(const Json::Value& list, Convert convert) {
  std::vector<T> result;
  result.reserve(list.size());
  for (const auto& item : list) result.push_back(convert(item));
  return result;
}

sdbus::Variant list_to_variant(const Json::Value& list) {
  if (std::ranges::all_of(list, is_string))  // also for an empty list
    return sdbus::Variant{
        collect<std::string>(list, [](const auto& item) { return to_clean_utf8(item.asString()); })};
  if (std::ranges::all_of(list, is_object)) return sdbus::Variant{to_variant_maps(list)};
  if (std::ranges::all_of(list, is_integer)) {
    if (std::ranges::none_of(list, is_negative))
      return sdbus::Variant{collect<std::uint64_t>(list, [](const auto& item) { return item.asUInt64(); })};
    if (std::ranges::all_of(list, fits_int64))
      return sdbus::Variant{collect<std::int64_t>(list, [](const auto& item) { return item.asInt64(); })};
  }
  return sdbus::Variant{collect<sdbus::Variant>(list, to_variant)};
}

}  // namespace

Json::Value to_json(const sdbus::Variant& variant, const std::string& key) {
  const std::string type = variant.peekValueType();
  if (type.size() == 1) return basic_to_json(variant, type[0], key);
  if (type == "as") return list_to_json<std::string>(variant);
  if (type == "at") return list_to_json<std::uint64_t>(variant);
  if (type == "ax") return list_to_json<std::int64_t>(variant);
  if (type == "av") return list_of_variants_to_json(variant, key);
  if (type == "a{sv}") return to_json(variant.get<VariantMap>());
  if (type == "aa{sv}") return list_of_maps_to_json(variant);
  refuse(key, "the D-Bus type " + type + " is not expected here");
}

Json::Value to_json(const VariantMap& map, DescriptorMap* descriptors) {
  Json::Value object(Json::objectValue);
  for (const auto& [key, value] : map) {
    if (descriptors && std::string(value.peekValueType()) == "h") {
      (*descriptors)[key] = value.get<sdbus::UnixFd>();
    } else {
      object[key] = to_json(value, key);
    }
  }
  return object;
}

sdbus::Variant to_variant(const Json::Value& json) {
  switch (json.type()) {
    case Json::nullValue:
      return sdbus::Variant{std::string{}};
    case Json::intValue:
      if (is_negative(json)) return sdbus::Variant{std::int64_t{json.asInt64()}};
      [[fallthrough]];
    case Json::uintValue:
      return sdbus::Variant{std::uint64_t{json.asUInt64()}};
    case Json::realValue:
      return sdbus::Variant{json.asDouble()};
    case Json::stringValue:
      // Mainly for file names: sd-bus would refuse the whole message.
      return sdbus::Variant{to_clean_utf8(json.asString())};
    case Json::booleanValue:
      return sdbus::Variant{json.asBool()};
    case Json::arrayValue:
      return list_to_variant(json);
    case Json::objectValue:
      return sdbus::Variant{to_variant_map(json)};
  }
  return sdbus::Variant{std::string{}};
}

VariantMap to_variant_map(const Json::Value& object) {
  VariantMap map;
  if (!object.isObject()) return map;
  for (auto member = object.begin(); member != object.end(); ++member) {
    if (!member->isNull()) map.emplace(member.name(), to_variant(*member));
  }
  return map;
}

std::vector<VariantMap> to_variant_maps(const Json::Value& list) {
  return collect<VariantMap>(list, to_variant_map);
}

}  // namespace cyborg
