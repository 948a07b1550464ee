// SPDX-License-Identifier: GPL-3.0-or-later
// The verbs that all four kinds of named objects share: list, show, set, enable, disable, remove, properties.
#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <vector>

#include "client/context.h"
#include "client/values.h"
#include "core/error.h"

namespace cyborg::client {

struct Noun {
  Noun(ObjectKind kind, std::string bus_interface, std::string secret_key = {});

  std::string name;  // as on the command line and in the object path
  std::string interface;
  ErrorCode missing;
  std::span<const PropertyInfo> keys;
  std::vector<Column> columns;  // for `list`
  std::string secret;           // that `set` takes from a file: a key of Set
};

std::string object_path(const Noun& noun, const std::string& name);

// Returns the object's properties with snake_case keys; a Failure with kNotFound if there is no object of
// that name.
Json::Value get_object(Connection& bus, const Noun& noun, const std::string& name);
// Returns all objects, sorted by name.
std::vector<Json::Value> list_objects(Connection& bus, const Noun& noun);

// Adds the noun's subcommand with these verbs; callers add further verbs to the returned one.
CLI::App& add_noun(CLI::App& app, Context& context, const Noun& noun, const std::string& description);

// Adds a verb of a noun that takes the name of an object as its first argument.
CLI::App& add_verb(CLI::App& noun, const std::string& verb, const std::string& description);

// Adds an option that may be repeated, with one value each time, so that it does not consume the arguments
// after it.
CLI::Option* add_list(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                      const std::string& description);
CLI::Option* add_names(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                       const std::string& description);

// Prints "added client web", or with --json the object.
void report_added(Context& context, const Noun& noun, const std::string& name);

extern const Noun kClientNoun, kRepositoryNoun, kScheduleNoun, kPolicyNoun;

}  // namespace cyborg::client
