// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/bus/objects.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "client/secrets.h"
#include "dbus/names.h"

namespace cyborg::client {
namespace {

constexpr char kProperties[] = "org.freedesktop.DBus.Properties";
constexpr char kObjectManager[] = "org.freedesktop.DBus.ObjectManager";

using Interfaces = std::map<std::string, VariantMap>;

Json::Value record_of(const VariantMap& properties) {
  return with_snake_keys(to_json(properties));
}

// Rephrases the error for a missing object in the user's terms.
template <typename Call>
auto on_object(const Noun& noun, const std::string& name, Call call) try {
  return call(object_path(noun, name));
} catch (const Failure& failure) {
  if (!is_missing_object(failure)) throw;
  throw Failure(kNotFound, fmt::format("no {} named \"{}\"", noun.name, name),
                std::string(error_info(noun.missing).hint));
}

// Calls Set or Remove.
void change_object(Context& context, const Noun& noun, const std::string& name, const std::string& method,
                   const VariantMap& argument) {
  on_object(noun, name,
            [&](const std::string& path) { context.bus().act<>({path, noun.interface}, method, argument); });
}

bool needs_current(const std::vector<std::string>& assignments) {
  return std::ranges::any_of(assignments, [](const std::string& text) {
    const auto assignment = parse_assignment(text);
    return assignment.how != Assignment::How::replace || assignment.key.starts_with("var.");
  });
}

void add_set(CLI::App& app, Context& context, const Noun& noun) {
  std::string keys, meanings = "Keys:";
  for (const auto& property : noun.keys) {
    if (!property.can_be_set()) continue;
    keys += (keys.empty() ? "" : ", ") + std::string(property.key);
    meanings += fmt::format("\n  {:<24}{}", property.key, property.sentence);
  }
  auto& verb = add_verb(app, "set", "change properties: " + keys);
  verb.footer(meanings);
  const auto name = std::make_shared<std::string>();
  const auto assignments = std::make_shared<std::vector<std::string>>();
  verb.add_option("NAME", *name)->required();
  auto* words =
      verb.add_option("ASSIGNMENT", *assignments,
                      "KEY=VALUE; KEY+=VALUE and KEY-=VALUE change a list; again for several values");
  const auto file = std::make_shared<std::string>();
  if (noun.secret.empty()) {
    words->required();
  } else {
    verb.add_option("--" + noun.secret + "-file", *file, "a file with another " + noun.secret + ", or -");
  }
  verb.callback([&context, &noun, name, assignments, file] {
    if (assignments->empty() && file->empty()) throw usage("nothing to change: KEY=VALUE is expected");
    const auto current =
        needs_current(*assignments) ? get_object(context.bus(), noun, *name) : Json::Value(Json::objectValue);
    auto properties = parse_properties(noun.keys, *assignments, current);
    if (!file->empty()) properties[noun.secret] = sdbus::Variant{secret_from_file(*file)};
    change_object(context, noun, *name, "Set", properties);
  });
}

void add_properties(CLI::App& app, const Context& context, const Noun& noun) {
  auto& verb = add_verb(app, "properties", "what can be set, and what is shown");
  verb.callback([&context, &noun] {
    std::vector<Json::Value> records;
    for (const auto& record : property_records()) {
      if (record["object"].asString() == noun.name) records.push_back(record);
    }
    context.print_records({{"NAME", "name"},
                           {"SET", "set"},
                           {"TYPE", "type"},
                           {"DEFAULT", "default"},
                           {"DESCRIPTION", "description"}},
                          records);
  });
}

void add_switch(CLI::App& app, Context& context, const Noun& noun, const std::string& word, bool enabled) {
  auto& verb = add_verb(
      app, word, enabled ? "use it again" : "keep it, and everything that depends on it, from running");
  const auto names = std::make_shared<std::vector<std::string>>();
  verb.add_option("NAME", *names)->required();
  verb.callback([&context, &noun, names, enabled] {
    for (const auto& name : *names)
      change_object(context, noun, name, "Set", {{"enabled", sdbus::Variant{enabled}}});
  });
}

// Reports keys that a removed client or repository leaves on a repository host.
void say_remaining_keys(Context& context, const Noun& noun, const std::string& name) {
  if (noun.name != kClientNoun.name && noun.name != kRepositoryNoun.name) return;
  std::vector<VariantMap> keys;
  try {
    keys = context.bus().query<std::vector<VariantMap>>(manager(), "ListKeys",
                                                        VariantMap{{noun.name, sdbus::Variant{name}}});
  } catch (const Failure&) {
    return;  // there are none, or this user may not see them
  }
  for (const auto& record : keys) {
    const Json::Value key = to_json(record);
    if (!key["authorized"].asBool()) continue;
    const auto client = key["client"].asString();
    const auto repository = key["repository"].asString();
    context.say(
        key["manual"].asBool()
            ? fmt::format("client {} still has a key on {}, which you have to remove there: cyborgctl "
                          "repository key-line {} --client {}",
                          client, key["host"].asString(), repository, client)
            : fmt::format("a job takes the key of client {} away from {}; what remains is shown by: "
                          "cyborgctl repository keys {}",
                          client, key["host"].asString(), repository));
  }
}

void add_remove(CLI::App& app, Context& context, const Noun& noun) {
  auto& verb = add_verb(app, "remove", "remove it; its history is kept");
  const auto name = std::make_shared<std::string>();
  const auto force = std::make_shared<bool>(false);
  verb.add_option("NAME", *name)->required();
  verb.add_flag("--force", *force, "even if it has history or other objects depend on it");
  verb.callback([&context, &noun, name, force] {
    VariantMap options;
    if (*force) options.emplace("force", sdbus::Variant{true});
    change_object(context, noun, *name, "Remove", options);
    context.say(fmt::format("removed {} {}", noun.name, *name));
    say_remaining_keys(context, noun, *name);
  });
}

}  // namespace

Noun::Noun(ObjectKind kind, std::string bus_interface, std::string secret_key)
    : name(to_string(kind)),
      interface(std::move(bus_interface)),
      missing(no_such(kind)),
      keys(properties_of(kind)),
      secret(std::move(secret_key)) {
  for (const auto& property : keys) {
    if (property.heading) columns.push_back({property.heading, property.key});
  }
}

const Noun kClientNoun{ObjectKind::client, names::kClientInterface};
const Noun kRepositoryNoun{ObjectKind::repository, names::kRepositoryInterface, "passphrase"};
const Noun kScheduleNoun{ObjectKind::schedule, names::kScheduleInterface};
const Noun kPolicyNoun{ObjectKind::policy, names::kPolicyInterface, "password"};

std::string object_path(const Noun& noun, const std::string& name) {
  const auto prefix = fmt::format("{}/{}", names::kRootPath, noun.name);
  char* path = nullptr;
  if (sd_bus_path_encode(prefix.c_str(), name.c_str(), &path) < 0) throw Failure(kFailed, "out of memory");
  const std::unique_ptr<char, decltype(&std::free)> owner(path, std::free);
  return path;
}

Json::Value get_object(Connection& bus, const Noun& noun, const std::string& name) {
  return on_object(noun, name, [&](const std::string& path) {
    return record_of(bus.query<VariantMap>({path, kProperties}, "GetAll", noun.interface));
  });
}

std::vector<Json::Value> list_objects(Connection& bus, const Noun& noun) {
  using Objects = std::map<sdbus::ObjectPath, Interfaces>;
  const auto objects = bus.query<Objects>({names::kRootPath, kObjectManager}, "GetManagedObjects");
  std::vector<Json::Value> result;
  for (const auto& [path, interfaces] : objects) {
    const auto found = interfaces.find(noun.interface);
    if (found != interfaces.end()) result.push_back(record_of(found->second));
  }
  std::ranges::sort(result, {}, [](const Json::Value& record) { return record["name"].asString(); });
  return result;
}

CLI::App& add_verb(CLI::App& noun, const std::string& verb, const std::string& description) {
  return *noun.add_subcommand(verb, description);
}

CLI::Option* add_list(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                      const std::string& description) {
  return verb.add_option(option, values, description)->allow_extra_args(false);
}

CLI::Option* add_names(CLI::App& verb, const std::string& option, std::vector<std::string>& values,
                       const std::string& description) {
  return add_list(verb, option, values, description + " (again, or with commas, for several)")
      ->delimiter(',');
}

CLI::App& add_noun(CLI::App& app, Context& context, const Noun& noun, const std::string& description) {
  auto& sub = *app.add_subcommand(noun.name, description);
  sub.require_subcommand(1);
  add_verb(sub, "list", "all of them").callback([&context, &noun] {
    context.print_records(noun.columns, list_objects(context.bus(), noun));
  });
  auto& show = add_verb(sub, "show", "show everything about it");
  const auto name = std::make_shared<std::string>();
  show.add_option("NAME", *name)->required();
  show.callback([&context, &noun, name] { context.print_record(get_object(context.bus(), noun, *name)); });
  add_set(sub, context, noun);
  add_switch(sub, context, noun, "enable", true);
  add_switch(sub, context, noun, "disable", false);
  add_remove(sub, context, noun);
  add_properties(sub, context, noun);
  return sub;
}

void report_added(Context& context, const Noun& noun, const std::string& name) {
  if (context.json) {
    context.print_json(get_object(context.bus(), noun, name));
  } else {
    context.say(fmt::format("added {} {}", noun.name, name));
  }
}

}  // namespace cyborg::client
