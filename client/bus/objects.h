// What the four kinds of named objects have in common: list, show, set, enable, disable, remove.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "client/context.h"
#include "client/values.h"
#include "core/error.h"

namespace cyborg::client {

struct Noun {
  std::string name;  // as on the command line and in the object path
  std::string interface;
  ErrorCode missing;
  std::vector<Column> columns;
  std::vector<Key> keys;
  std::string secret = {};  // that `set` takes from a file: a key of Set
};

std::string object_path(const Noun& noun, const std::string& name);

// Its properties with snake_case keys; a Failure with kNotFound if there is none of that name.
Json::Value get_object(Connection& bus, const Noun& noun, const std::string& name);
// By name.
std::vector<Json::Value> list_objects(Connection& bus, const Noun& noun);

// Adds the subcommand of the noun with the six verbs; more are added to what it returns.
CLI::App& add_noun(CLI::App& app, Context& context, const Noun& noun, const std::string& description);

// A verb of a noun with the name of an object as its first argument.
CLI::App& add_verb(CLI::App& noun, const std::string& verb, const std::string& description);

// An option that may be given several times, one value each time, so that it does not take the arguments
// after it.
CLI::Option* add_list(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                      const std::string& description);
CLI::Option* add_names(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                       const std::string& description);

// Says "added client web", or prints the object with --json.
void report_added(Context& context, const Noun& noun, const std::string& name);

extern const Noun kClientNoun, kRepositoryNoun, kScheduleNoun, kPolicyNoun;

}  // namespace cyborg::client
