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
  std::string keys;
  for (const auto& key : noun.keys) keys += (keys.empty() ? "" : ", ") + std::string(key.name);
  auto& verb = add_verb(app, "set", "change properties: " + keys);
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

const Noun kClientNoun{"client",
                       names::kClientInterface,
                       ErrorCode::no_such_client,
                       {{"NAME", "name"},
                        {"ENABLED", "enabled"},
                        {"READY", "ready"},
                        {"ADDRESS", "address"},
                        {"PORT", "port"},
                        {"USER", "user"},
                        {"SYSTEM", "operating_system"},
                        {"BORG", "borg_version"}},
                       {{"address", "s"},
                        {"port", "u"},
                        {"user", "s"},
                        {"jump", "s"},
                        {"host_key", "s"},
                        {"local", "b"},
                        {"enabled", "b"}}};

const Noun kRepositoryNoun{"repository",
                           names::kRepositoryInterface,
                           ErrorCode::no_such_repository,
                           {{"NAME", "name"},
                            {"ENABLED", "enabled"},
                            {"URL", "url"},
                            {"ENCRYPTION", "encryption"},
                            {"TRANSPORT", "transport"},
                            {"READY", "ready"}},
                           {{"transport", "s"},
                            {"authorize", "s"},
                            {"append_only", "b"},
                            {"shared", "b"},
                            {"host_key", "s"},
                            {"check_schedule", "s"},
                            {"check_max_duration", "s"},
                            {"check_verify_data", "b"},
                            {"verify_schedule", "s"},
                            {"compact_schedule", "s"},
                            {"enabled", "b"}},
                           "passphrase"};

const Noun kScheduleNoun{
    "schedule",
    names::kScheduleInterface,
    ErrorCode::no_such_schedule,
    {{"NAME", "name"},
     {"ENABLED", "enabled"},
     {"CRONTAB", "crontab"},
     {"ON CALENDAR", "on_calendar"},
     {"TIMEZONE", "timezone"},
     {"RANDOM DELAY", "random_delay"}},
    {{"crontab", "s"}, {"on_calendar", "s"}, {"timezone", "s"}, {"random_delay", "s"}, {"enabled", "b"}}};

const Noun kPolicyNoun{"policy",
                       names::kPolicyInterface,
                       ErrorCode::no_such_policy,
                       {{"NAME", "name"},
                        {"ENABLED", "enabled"},
                        {"TYPE", "type"},
                        {"SCHEDULE", "schedule"},
                        {"REPOSITORIES", "repositories"},
                        {"CLIENTS", "clients"},
                        {"UNUSABLE", "unusable"}},
                       {{"type", "s"},
                        {"schedule", "s"},
                        {"repositories", "as", true},
                        {"clients", "as", true},
                        {"variables", "a{sv}"},
                        {"exclude", "as"},
                        {"canaries", "as"},
                        {"compression", "s"},
                        {"catalog", "b"},
                        {"upload_limit", "t"},
                        {"timeout", "s"},
                        {"keep_last", "u"},
                        {"keep_within", "s"},
                        {"keep_hourly", "u"},
                        {"keep_daily", "u"},
                        {"keep_weekly", "u"},
                        {"keep_monthly", "u"},
                        {"keep_yearly", "u"},
                        {"client_keep", "a{sv}"},
                        {"hooks", "aa{sv}"},
                        {"enabled", "b"}},
                       "password"};

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
