// SPDX-License-Identifier: GPL-3.0-or-later
#include "sd/unit_message.h"

#include "sd/loop.h"

namespace cyborg::sd {
namespace {

void open(sd_bus_message* message, char type, const char* contents) {
  check(sd_bus_message_open_container(message, type, contents), "sd_bus_message_open_container");
}

void close(sd_bus_message* message) {
  check(sd_bus_message_close_container(message), "sd_bus_message_close_container");
}

template <typename... Values>
void append(sd_bus_message* message, const char* types, Values... values) {
  check(sd_bus_message_append(message, types, values...), "sd_bus_message_append");
}

void append_strings(sd_bus_message* message, const std::vector<std::string>& strings) {
  open(message, 'a', "s");
  for (const auto& string : strings) append(message, "s", string.c_str());
  close(message);
}

// The D-Bus signature of each alternative of UnitValue, and how to write it.
struct ValueWriter {
  sd_bus_message* message;

  void operator()(const std::string& value) const { basic("s", value.c_str()); }
  void operator()(bool value) const { basic("b", static_cast<int>(value)); }
  void operator()(std::int32_t value) const { basic("i", value); }
  void operator()(std::uint32_t value) const { basic("u", value); }
  void operator()(std::uint64_t value) const { basic("t", value); }
  void operator()(const Descriptor& value) const { basic("h", *value); }  // sd-bus sends a duplicate
  void operator()(const std::vector<std::string>& value) const {
    open(message, 'v', "as");
    append_strings(message, value);
    close(message);
  }
  void operator()(const std::vector<ExecCommand>& value) const {
    array("(sasb)", value, [this](const ExecCommand& command) {
      open(message, 'r', "sasb");
      append(message, "s", command.path.c_str());
      append_strings(message, command.argv);
      append(message, "b", static_cast<int>(command.ignore_failure));
      close(message);
    });
  }
  void operator()(const ByteStrings& value) const {
    array("ay", value, [this](const std::vector<std::uint8_t>& bytes) {
      check(sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()),
            "sd_bus_message_append_array");
    });
  }
  void operator()(const StringPairs& value) const {
    array("(ss)", value,
          [this](const auto& pair) { append(message, "(ss)", pair.first.c_str(), pair.second.c_str()); });
  }
  void operator()(const FilterList& value) const {
    open(message, 'v', "(bas)");
    open(message, 'r', "bas");
    append(message, "b", static_cast<int>(value.allow));
    append_strings(message, value.names);
    close(message);
    close(message);
  }

 private:
  template <typename Value>
  void basic(const char* type, Value value) const {
    append(message, "v", type, value);
  }
  template <typename Values, typename Write>
  void array(const char* element, const Values& values, Write write) const {
    open(message, 'v', (std::string{"a"} + element).c_str());
    open(message, 'a', element);
    for (const auto& value : values) write(value);
    close(message);
    close(message);
  }
};

}  // namespace

void append_transient_unit(sd_bus_message* message, const UnitSpec& unit) {
  // "fail": never replace a queued systemd job of the unit.
  append(message, "ss", unit.name.c_str(), "fail");
  open(message, 'a', "(sv)");
  for (const auto& property : unit.properties) {
    open(message, 'r', "sv");
    append(message, "s", property.name.c_str());
    std::visit(ValueWriter{message}, property.value);
    close(message);
  }
  close(message);
  append(message, "a(sa(sv))", 0);
}

}  // namespace cyborg::sd
