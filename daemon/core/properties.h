// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of properties without the structs: for cyborgctl, programs on the bus, the manual and tests.
#pragma once

#include <optional>
#include <span>

#include "core/error.h"
#include "core/model.h"

namespace cyborg {

enum class ValueType {
  flag,
  number,
  text,
  list,     // of texts
  span,     // of time
  rate,     // KiB/s
  name,     // of another object
  names,    // of other objects
  renamed,  // names, each with a new name
  variables,
  hooks,
  retention,
  client_retention,
};
const char* to_string(ValueType type);

struct PropertyInfo {
  const char* key;
  Access access;
  const char* sentence;
  ValueType type;
  // The D-Bus types in Add and Set, and of the property; nullptr: there is none.
  const char* given;
  const char* shown;
  std::optional<ObjectKind> refers_to;
  std::vector<std::string> (*values)();
  std::int64_t least, most;
  bool required;
  std::string option;   // of cyborgctl's add; without dashes in front: an argument; empty: none
  const char* heading;  // of its column; nullptr: it has none
  Json::Value fresh;    // the value of a fresh object

  bool can_be_added() const { return given; }
  bool can_be_set() const { return given && access == Access::settable; }
};

// In the order of the table; a property that is set by its parts is followed by these.
std::span<const PropertyInfo> properties_of(ObjectKind kind);

// The options of a restore.
std::span<const PropertyInfo> restore_properties();

const char* to_string(ObjectKind kind);  // "schedule" …
ErrorCode no_such(ObjectKind kind);

// A record for each: object, name, type, signature, set ("always", "add", "no"), required, description and,
// where they exist, default, minimum, maximum, values and of (the kind of object named).
std::vector<Json::Value> property_records();
Json::Value property_record(ObjectKind kind, const PropertyInfo& property);

}  // namespace cyborg
