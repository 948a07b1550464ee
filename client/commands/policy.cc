// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <json/reader.h>

#include <algorithm>
#include <fstream>
#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/commands/property_options.h"
#include "client/format/text.h"
#include "client/scheduled.h"
#include "client/secrets.h"
#include "core/units.h"

namespace cyborg::client {
namespace {

// Options that need more than a property each.
struct AddOptions {
  std::string name, variables_file, password_file;
  std::vector<std::string> variables, pre_hooks, post_hooks, hooks;
  PropertyOptions plain{kPolicyNoun.keys};
};

Json::Value read_variables(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw usage(fmt::format("{}: cannot be read", file));
  Json::Value json;
  std::string errors;
  if (!Json::parseFromStream(Json::CharReaderBuilder{}, stream, &json, &errors) || !json.isObject())
    throw usage(fmt::format("{}: a JSON object is expected{}{}", file, errors.empty() ? "" : ": ", errors));
  return json;
}

// --pre-hook and --post-hook are short forms of the two most common hooks.
std::vector<VariantMap> hooks_of(const AddOptions& options) {
  std::vector<VariantMap> hooks;
  const auto add = [&](const char* when, const std::string& command) {
    VariantMap hook;
    hook.emplace("when", sdbus::Variant{std::string{when}});
    hook.emplace("command", sdbus::Variant{command});
    hooks.push_back(std::move(hook));
  };
  for (const auto& command : options.pre_hooks) add("before", command);
  for (const auto& command : options.post_hooks) add("after", command);
  for (const auto& text : options.hooks) {
    const auto json = parse_value(text);
    if (!json.isObject()) {
      throw usage(fmt::format("--hook {}: a JSON object is expected", text),
                  R"(such as '{"when": "failure", "where": "server", "command": "notify"}')");
    }
    hooks.push_back(to_variant_map(json));
  }
  return hooks;
}

// Moves the password from the variables, which may come from a file, to its own property.
void take_password(Json::Value& variables, VariantMap& properties) {
  if (!variables.isMember("password")) return;
  auto password = variables["password"].isString() ? variables["password"].asString() : std::string{};
  variables.removeMember("password");
  if (!password.empty())
    properties.emplace("password", sdbus::Variant{secret_from_text(std::move(password))});
}

VariantMap properties_of(const AddOptions& options) {
  VariantMap result = options.plain.properties();
  if (const auto hooks = hooks_of(options); !hooks.empty()) result.emplace("hooks", sdbus::Variant{hooks});
  auto variables = options.variables_file.empty() ? Json::Value(Json::objectValue)
                                                  : read_variables(options.variables_file);
  const auto more = parse_variables(options.variables);
  for (const auto& key : more.getMemberNames()) variables[key] = more[key];
  take_password(variables, result);
  if (!options.password_file.empty())
    result["password"] = sdbus::Variant{secret_from_file(options.password_file)};
  if (!variables.empty()) result.emplace("variables", to_variant(variables));
  return result;
}

void add_add(CLI::App& noun, Context& context) {
  auto& verb =
      add_verb(noun, "add", "add a policy: what to back up, on which clients, to which repository, and when");
  const auto options = std::make_shared<AddOptions>();
  verb.add_option("NAME", options->name, "its name in cyborgd")->required();
  options->plain.add_to(verb);
  add_list(verb, "--var", options->variables, "KEY=VALUE of the type; a key given again makes a list");
  verb.add_option("--vars", options->variables_file, "a file with a JSON object of variables");
  verb.add_option("--password-file", options->password_file,
                  "file with the password of the database user, or - for standard input");
  add_list(verb, "--pre-hook", options->pre_hooks, "a command on the client before each backup");
  add_list(verb, "--post-hook", options->post_hooks, "a command on the client after each backup");
  add_list(verb, "--hook", options->hooks,
           "a JSON object with when, where, command, timeout, effect and kinds");
  verb.callback([&context, options] {
    context.bus().act<sdbus::ObjectPath>(manager(), "AddPolicy", options->name, properties_of(*options));
    report_added(context, kPolicyNoun, options->name);
  });
}

struct RunOptions {
  std::string name;
  std::vector<std::string> clients;
  bool dry_run = false;
  bool scheduled = false;
  Watch mode = Watch::none;
};

VariantMap run_options(Context& context, const RunOptions& options) {
  VariantMap result;
  if (!options.clients.empty()) result.emplace("clients", sdbus::Variant{options.clients});
  if (options.dry_run) result.emplace("dry_run", sdbus::Variant{true});
  if (options.scheduled)
    result.emplace("scheduled",
                   sdbus::Variant{elapse_time(context, timer_unit_name("policy", options.name))});
  return result;
}

void show_plan(const Context& context, const std::vector<VariantMap>& plan) {
  std::vector<Json::Value> jobs, left_out;
  for (const auto& row : plan) {
    auto record = with_snake_keys(to_json(row));
    (record.isMember("left_out") && !context.json ? left_out : jobs).push_back(std::move(record));
  }
  context.print_records({{"KIND", "kind"},
                         {"CLIENT", "client"},
                         {"REPOSITORY", "repository"},
                         {"BORG REPOSITORY", "borg_repository"},
                         {"ARCHIVE", "archive"}},
                        jobs, "client", true);
  for (const auto& record : left_out) context.say("left out: " + record["left_out"].asString());
}

void run_policy(Context& context, const RunOptions& options) try {
  JobWatch watch(context, options.dry_run ? Watch::none : options.mode);
  const auto [run, jobs, plan] =
      context.bus().act<std::uint64_t, std::vector<std::uint64_t>, std::vector<VariantMap>>(
          manager(), "RunPolicy", options.name, run_options(context, options));
  if (options.dry_run) {
    show_plan(context, plan);
  } else {
    report_jobs(context, watch, options.mode, run, jobs);
  }
} catch (Failure& failure) {
  if (options.scheduled) settle_scheduled(failure);
  throw;
}

void add_run(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "run", "run it now");
  const auto options = std::make_shared<RunOptions>();
  verb.add_option("NAME", options->name)->required();
  add_names(verb, "--client", options->clients, "only this client");
  auto* dry_run = verb.add_flag("--dry-run", options->dry_run, "only show which jobs would be created");
  verb.add_flag("--scheduled", options->scheduled,
                "for cyborg-policy@.service: this elapse of the timer, once")
      ->excludes(dry_run);
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { run_policy(context, *options); });
}

void prune_policy(Context& context, const RunOptions& options) {
  JobWatch watch(context, options.dry_run ? Watch::none : options.mode);
  const auto [run, jobs, plan] =
      context.bus().act<std::uint64_t, std::vector<std::uint64_t>, std::vector<VariantMap>>(
          manager(), "PrunePolicy", options.name, run_options(context, options));
  if (!options.dry_run) return report_jobs(context, watch, options.mode, run, jobs);
  std::vector<Json::Value> rows;
  for (const auto& row : plan) rows.push_back(with_snake_keys(to_json(row)));
  context.print_records({{"ARCHIVE", "archive"},
                         {"CLIENT", "client"},
                         {"REPOSITORY", "repository"},
                         {"CREATED", "created"},
                         {"KEEP", "keep"},
                         {"WHY", "rule"}},
                        rows, "archive", true);
}

void add_prune(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "prune", "remove the archives that its retention does not keep");
  const auto options = std::make_shared<RunOptions>();
  verb.add_option("NAME", options->name)->required();
  add_names(verb, "--client", options->clients, "only this client");
  verb.add_flag("--dry-run", options->dry_run, "only show what would be kept or removed, and why");
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { prune_policy(context, *options); });
}

void add_verify(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "verify", "verify that its newest archives can be restored");
  const auto options = std::make_shared<RunOptions>();
  verb.add_option("NAME", options->name)->required();
  add_names(verb, "--client", options->clients, "only this client");
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] {
    JobWatch watch(context, options->mode);
    const auto [run, jobs] = context.bus().act<std::uint64_t, std::vector<std::uint64_t>>(
        manager(), "VerifyPolicy", options->name, run_options(context, *options));
    report_jobs(context, watch, options->mode, run, jobs);
  });
}

void show_next(const Context& context, const std::vector<std::uint64_t>& times) {
  Json::Value list(Json::arrayValue);
  for (const auto time : times) list.append(Json::Value::UInt64{time});
  if (context.json) {
    context.print_json(list);
  } else if (times.empty()) {
    context.say("it has no schedule, or the schedule does not elapse again");
  }
  if (context.json) return;
  for (const auto time : times)
    context.print(fmt::format("{}  {}\n", human_time(time), relative_time(time, context.now())));
}

void add_next(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "next", "show when its timer elapses next");
  const auto name = std::make_shared<std::string>();
  const auto count = std::make_shared<std::uint32_t>(5);
  verb.add_option("NAME", *name)->required();
  verb.add_option("--count", *count, "number of times (default: 5)")->check(whole_number(1, 1000));
  verb.callback([&context, name, count] {
    show_next(context,
              context.bus().query<std::vector<std::uint64_t>>(manager(), "ListElapses", *name, *count));
  });
}

// A row for each type, followed by a row for each of its variables.
std::vector<Json::Value> variable_rows(const std::vector<Json::Value>& types) {
  std::vector<Json::Value> rows;
  for (const auto& type : types) {
    Json::Value head(Json::objectValue);
    head["type"] = type["name"];
    head["description"] = type["description"];
    rows.push_back(head);
    for (const auto& variable : type["variables"]) {
      Json::Value row(Json::objectValue);
      row["variable"] = variable["name"];
      row["form"] = variable["type"];
      row["required"] = variable["required"].asBool() ? "yes" : "";
      row["description"] = variable["description"];
      rows.push_back(row);
    }
  }
  return rows;
}

void add_types(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "types", "what can be backed up, and the variables of each type");
  verb.callback([&context] {
    std::vector<Json::Value> types;
    for (const auto& row : context.bus().query<std::vector<VariantMap>>(manager(), "ListPolicyTypes"))
      types.push_back(to_json(row));
    context.print_records({{"TYPE", "type"},
                           {"VARIABLE", "variable"},
                           {"FORM", "form"},
                           {"REQUIRED", "required"},
                           {"DESCRIPTION", "description"}},
                          context.json || context.quiet ? types : variable_rows(types));
  });
}

}  // namespace

void add_policy_commands(CLI::App& app, Context& context) {
  auto& noun = add_noun(app, context, kPolicyNoun,
                        "what is backed up, on which clients, to which repositories, and when");
  add_add(noun, context);
  add_run(noun, context);
  add_prune(noun, context);
  add_verify(noun, context);
  add_next(noun, context);
  add_types(noun, context);
}

}  // namespace cyborg::client
