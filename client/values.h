// KEY=VALUE, rates and times of the command line, as the values that the API takes.
#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dbus/variant_json.h"

namespace cyborg::client {

struct Assignment {
  enum class How { replace, add, remove };  // KEY=VALUE, KEY+=VALUE, KEY-=VALUE

  std::string key;
  std::string value;
  How how = How::replace;
};

Assignment parse_assignment(const std::string& text);

// What reads as a JSON array, object, string, number or true and false is that; anything else is text.
Json::Value parse_value(const std::string& text);

// KEY=VALUE of --var; a key that comes again makes a list, and those that are lists by nature always are.
Json::Value parse_variables(const std::vector<std::string>& assignments);

// What is wrong with what should be a whole number; empty if nothing is.
std::string number_problem(const std::string& text, std::uint64_t least, std::uint64_t most);

// A transfer rate in KiB/s: "500", "500K", "10M", "1.5MiB", "1G".
std::uint64_t parse_rate(const std::string& text);

// The keys of an Add or Set method and their D-Bus types, as the XML of the Manager has them.
struct Key {
  const char* name;
  const char* type;    // b, s, u, t, as, a{sv}
  bool names = false;  // an as of object names: a comma separates them, too
};

// What `set NAME ASSIGNMENT…` changes. current: the object's properties, for += and -=. A key that is not in
// the list goes as text: cyborgd refuses it and says which there are.
VariantMap parse_properties(const std::vector<Key>& keys, const std::vector<std::string>& assignments,
                            const Json::Value& current);

// One value of a key's type.
sdbus::Variant typed_value(const Key& key, const std::string& text);

std::vector<std::string> split(const std::string& text, char separator);

}  // namespace cyborg::client
