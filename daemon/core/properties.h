// The tables of properties, for those who need no struct: cyborgctl, programs on the bus, the manual, tests.
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
  renamed,  // names, each with another one
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
  // D-Bus types: as Add and Set take it, and as the property has it; nullptr: they do not.
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

// In the order of the table; what is set by the keys of its parts is followed by them.
std::span<const PropertyInfo> properties_of(ObjectKind kind);

// The options of a restore.
std::span<const PropertyInfo> restore_properties();

const char* to_string(ObjectKind kind);  // "schedule" …
ErrorCode no_such(ObjectKind kind);

// A record for each: object, name, type, signature, set ("always", "add", "no"), required, description, and
// where there are any default, minimum, maximum, values and of (whose names these are).
std::vector<Json::Value> property_records();
Json::Value property_record(ObjectKind kind, const PropertyInfo& property);

}  // namespace cyborg
