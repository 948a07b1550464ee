// SPDX-License-Identifier: GPL-3.0-or-later
// The options of a noun's `add`, generated from the rows of its properties.
#pragma once

#include <CLI/CLI.hpp>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "core/properties.h"
#include "dbus/variant_json.h"

namespace cyborg::client {

class PropertyOptions {
 public:
  explicit PropertyOptions(std::span<const PropertyInfo> properties) : properties_(properties) {}

  // The verb must not outlive this object.
  void add_to(CLI::App& verb);

  // The options given, as properties for an Add method.
  VariantMap properties() const;
  // A property's text as typed; empty if it was not given.
  std::string text(std::string_view key) const;
  bool flag(std::string_view key) const;

 private:
  struct Given {
    const PropertyInfo* property;
    bool flag = false;
    std::string text;
    std::vector<std::string> list;
  };

  const Given* find(std::string_view key) const;
  CLI::Option* add_option(CLI::App& verb, Given& given);

  std::span<const PropertyInfo> properties_;
  std::list<Given> given_;
};

}  // namespace cyborg::client
