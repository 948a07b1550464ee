// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "client/bus/objects.h"
#include "client/commands/commands.h"

namespace cyborg::client {
namespace {

std::vector<Json::Value> settings(Connection& bus) {
  std::vector<Json::Value> result;
  for (const auto& row : bus.query<std::vector<VariantMap>>(manager(), "ListSettings"))
    result.push_back(with_snake_keys(to_json(row)));
  std::ranges::sort(result, {}, [](const Json::Value& record) { return record["name"].asString(); });
  return result;
}

void get_setting(Context& context, const std::string& name) {
  for (const auto& record : settings(context.bus())) {
    if (record["name"].asString() != name) continue;
    if (context.json) return context.print_json(record);
    return context.print(render("value", record["value"], context.now()).text + '\n');
  }
  throw Failure(kNotFound, fmt::format("no setting named \"{}\"", name),
                std::string(error_info(ErrorCode::no_such_setting).hint));
}

void set_setting(Context& context, const std::string& text) {
  const auto assignment = parse_assignment(text);
  if (assignment.how != Assignment::How::replace) throw usage(fmt::format("{}: KEY=VALUE is expected", text));
  context.bus().act<>(manager(), "SetSetting", assignment.key, assignment.value);
}

}  // namespace

void add_settings_commands(CLI::App& app, Context& context) {
  auto& noun = *app.add_subcommand("settings", "defaults that objects can override");
  noun.require_subcommand(1);
  add_verb(noun, "list", "list all settings with their meaning").callback([&context] {
    context.print_records(
        {{"NAME", "name"}, {"VALUE", "value"}, {"DEFAULT", "default"}, {"DESCRIPTION", "description"}},
        settings(context.bus()));
  });
  auto& get = add_verb(noun, "get", "print one");
  const auto name = std::make_shared<std::string>();
  get.add_option("KEY", *name)->required();
  get.callback([&context, name] { get_setting(context, *name); });
  auto& set = add_verb(noun, "set", "change a setting; an empty value restores the default");
  const auto assignments = std::make_shared<std::vector<std::string>>();
  set.add_option("ASSIGNMENT", *assignments, "KEY=VALUE")->required();
  set.callback([&context, assignments] {
    for (const auto& assignment : *assignments) set_setting(context, assignment);
  });

  auto& key = *app.add_subcommand("ssh-key", "the server's public key, for authorized_keys");
  key.require_subcommand(1);
  add_verb(key, "show", "print it").callback([&context] {
    const auto value = context.bus().query<sdbus::Variant>(
        {names::kRootPath, "org.freedesktop.DBus.Properties"}, "Get", std::string(names::kManagerInterface),
        std::string("SshPublicKey"));
    Json::Value answer(Json::objectValue);
    answer["ssh_public_key"] = value.get<std::string>();
    if (context.json) return context.print_json(answer);
    context.print(render("", answer["ssh_public_key"], 0).text + '\n');
  });
}

}  // namespace cyborg::client
