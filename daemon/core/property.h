// SPDX-License-Identifier: GPL-3.0-or-later
// The description of a property, as a row. Each kind of object has one table of them, below its struct. The
// rows determine the store's statements, the arguments of Add and Set on the bus and the properties there,
// cyborgctl's keys, options, columns and help, the list for programs, and the lists in the manual.
#pragma once

#include <json/value.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cyborg {

struct Hook;
struct Retention;

enum class ObjectKind { schedule, repository, client, policy };
inline constexpr std::array kObjectKinds{ObjectKind::schedule, ObjectKind::repository, ObjectKind::client,
                                         ObjectKind::policy};

enum class Access {
  constant,  // the object's name: an argument, not a key
  creation,  // set when the object is added, and fixed afterwards
  settable,
  parts,     // shown as a whole, set by the keys of its parts
  found,     // read-only: found by a preparation, or it follows from something else
  internal,  // stored, but neither shown nor set by its key
};

// Kinds of values that the member's type does not determine.

// A time span as written, and in seconds (in a column with the suffix "_seconds").
template <typename Object>
struct Span {
  std::string Object::* text;
  std::chrono::seconds Object::* seconds;
};

// KiB/s, 0 for none.
template <typename Object>
struct Rate {
  std::int64_t Object::* value;
};

// The name of another object; empty for none.
template <typename Object>
struct Reference {
  std::string Object::* name;
  ObjectKind kind;
};

// Names of other objects, in a fixed order.
template <typename Object>
struct References {
  std::vector<std::string> Object::* names;
  ObjectKind kind;
};

// Not stored with the object, but computed from others.
enum class Computed { ready, damaged, unusable, timer };

template <typename Object>
using Member =
    std::variant<bool Object::*, int Object::*, std::int64_t Object::*, std::string Object::*,
                 std::vector<std::string> Object::*, Json::Value Object::*, std::vector<Hook> Object::*,
                 Retention Object::*, std::map<std::string, Retention> Object::*,
                 std::map<std::string, std::string> Object::*, Span<Object>, Rate<Object>, Reference<Object>,
                 References<Object>, Computed>;

template <typename Object>
struct Property {
  // In JSON, as the column and on the command line; on the bus in CamelCase.
  const char* key;
  Member<Object> member;
  Access access = Access::settable;
  const char* sentence = "";  // for people
  // Returns what would be valid; empty if the text, or each of a list, is.
  std::string_view (*check)(const std::string&) = nullptr;
  std::vector<std::string> (*values)() = nullptr;  // all valid values
  std::int64_t least = 0, most = std::numeric_limits<std::int64_t>::max();
  bool required = false;          // to add one
  const char* option = nullptr;   // of cyborgctl's add; nullptr: the key with dashes; "": none
  const char* heading = nullptr;  // of its column in cyborgctl's list; nullptr: it has none
};

// The table of an object; each is defined below the object's struct.
template <typename Object>
struct NoTable;
template <typename Object>
inline constexpr NoTable<Object> kProperties;

template <typename Object>
inline constexpr NoTable<Object> kKind;

// A name without a row does not compile.
template <typename Object>
consteval const Property<Object>& row_of(std::string_view key) {
  for (const auto& row : kProperties<Object>) {
    if (row.key == key) return row;
  }
  throw "no row has this key";
}

// Whether the bus uses this name for the property: host_key is HostKey there.
constexpr bool is_bus_name(std::string_view bus_name, std::string_view key) {
  bool upper = true;
  std::size_t at = 0;
  for (const char c : key) {
    if (c == '_') {
      upper = true;
      continue;
    }
    const char expected = upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (at == bus_name.size() || bus_name[at] != expected) return false;
    ++at;
    upper = false;
  }
  return at == bus_name.size();
}
std::string bus_name_of(std::string_view key);

template <typename Object>
consteval std::size_t bus_index_of(std::string_view bus_name) {
  for (std::size_t i = 0; i < kProperties<Object>.size(); ++i) {
    if (is_bus_name(bus_name, kProperties<Object>[i].key)) return i;
  }
  throw "no row has this property of the bus";
}

}  // namespace cyborg
