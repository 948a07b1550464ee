// SPDX-License-Identifier: GPL-3.0-or-later
// Conversion between a{sv} and JSON: the manager and cyborgctl's output use JSON, the bus uses variants.
#pragma once

#include <json/value.h>
#include <sdbus-c++/sdbus-c++.h>

#include <map>
#include <string>
#include <vector>

namespace cyborg {

using VariantMap = std::map<std::string, sdbus::Variant>;
using DescriptorMap = std::map<std::string, sdbus::UnixFd>;

// Accepts b y n q i u x t d s o g v, arrays of x t s v, a{sv} and aa{sv}. Anything else, and non-finite
// numbers (NaN, infinity), are refused with an InvalidArgument that names the key, thrown as sdbus::Error.
Json::Value to_json(const sdbus::Variant& variant, const std::string& key = {});

// Descriptors (h) have no JSON form: those at the top level go to `descriptors`, and are refused without it.
Json::Value to_json(const VariantMap& map, DescriptorMap* descriptors = nullptr);

// Never fails: an integer becomes t, or x if negative; a list of strings (or an empty one) as, of integers at
// or ax, of objects aa{sv}, any other av; an object a{sv}. A null in an object is left out.
sdbus::Variant to_variant(const Json::Value& json);
VariantMap to_variant_map(const Json::Value& object);
std::vector<VariantMap> to_variant_maps(const Json::Value& list);

}  // namespace cyborg
