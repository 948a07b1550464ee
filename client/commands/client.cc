// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/commands/property_options.h"
#include "client/format/text.h"
#include "client/secrets.h"

namespace cyborg::client {
namespace {

struct PasswordOptions {
  std::string file;
  bool ask = false;
};

// Reads the password of the client's user, if one was given.
VariantMap password_of(const PasswordOptions& options, const std::string& user, const std::string& address) {
  VariantMap result;
  if (!options.file.empty()) {
    result.emplace("password", sdbus::Variant{secret_from_file(options.file)});
  } else if (options.ask) {
    result.emplace("password",
                   sdbus::Variant{secret_from_terminal(fmt::format("Password of {}@{}: ", user, address))});
  }
  return result;
}

VariantMap test_options() {
  VariantMap options;
  options.emplace("dry_run", sdbus::Variant{true});
  return options;
}

void prepare(Context& context, const std::string& client, const VariantMap& options, Watch mode) {
  JobWatch watch(context, mode);
  const auto job = context.bus().act<std::uint64_t>(manager(), "PrepareClient", client, options);
  report_jobs(context, watch, mode, std::nullopt, {job});
}

std::string text_or(const std::string& text, const std::string& fallback) {
  return text.empty() ? fallback : text;
}

void add_client(Context& context, const std::string& name, const PropertyOptions& options,
                const PasswordOptions& password_options) {
  const auto password = password_of(password_options, text_or(options.text("user"), "root"),
                                    text_or(options.text("address"), name));  // before anything is changed
  context.bus().act<sdbus::ObjectPath>(manager(), "AddClient", name, options.properties());
  report_added(context, kClientNoun, name);
  if (!password.empty()) prepare(context, name, password, Watch::wait);
}

void add_add(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "add", "add a machine to back up");
  const auto name = std::make_shared<std::string>();
  const auto options = std::make_shared<PropertyOptions>(kClientNoun.keys);
  const auto password = std::make_shared<PasswordOptions>();
  verb.add_option("NAME", *name, "its name in cyborgd")->required();
  options->add_to(verb);
  auto* local = verb.get_option("--local");
  auto* ask = verb.add_flag("--ask-password", password->ask,
                            "ask for the user's password, once, to install the server's key; then prepare");
  verb.add_option("--password-file", password->file, "read it from a file, or - for standard input")
      ->excludes(ask)
      ->excludes(local);
  ask->excludes(local);
  verb.callback([&context, name, options, password] { add_client(context, *name, *options, *password); });
}

void add_prepare(CLI::App& noun, Context& context) {
  auto& verb =
      add_verb(noun, "prepare", "log in, install borg if it is missing, record facts about the client");
  const auto name = std::make_shared<std::string>();
  const auto password = std::make_shared<PasswordOptions>();
  const auto mode = std::make_shared<Watch>(Watch::none);
  verb.add_option("NAME", *name)->required();
  auto* ask = verb.add_flag("--ask-password", password->ask,
                            "ask for the user's password, once, to install the server's key");
  verb.add_option("--password-file", password->file, "read it from a file, or - for standard input")
      ->excludes(ask);
  add_watch_options(verb, *mode);
  verb.callback([&context, name, password, mode] {
    Json::Value record{Json::objectValue};
    if (password->ask) record = get_object(context.bus(), kClientNoun, *name);
    const auto options = password_of(*password, text_or(record["user"].asString(), "root"),
                                     text_or(record["address"].asString(), *name));
    prepare(context, *name, options, *mode);
  });
}

void add_test(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "test", "log in and report what is missing, without changing anything");
  const auto name = std::make_shared<std::string>();
  verb.add_option("NAME", *name)->required();
  verb.callback([&context, name] { prepare(context, *name, test_options(), Watch::wait); });
}

std::string unprotected_line(const Json::Value& row) {
  const auto name = row["name"].asString();
  const auto size = row["size"].asUInt64();
  return fmt::format("{}: {}{}{}",
                     row["protected"].asString() == "partly" ? "partly protected" : "unprotected",
                     row["kind"].asString(), name.empty() ? std::string{" server"} : " " + printable(name),
                     size > 0 ? ", " + human_size(size) : std::string{});
}

// Tests the client first, unless the known results suffice.
void discover(Context& context, const std::string& client, bool known) {
  if (!known) {
    JobWatch watch(context, Watch::wait);
    const auto job = context.bus().act<std::uint64_t>(manager(), "PrepareClient", client, test_options());
    if (const int status = watch.wait({job}); status != kDone) {
      context.status = status;
      return;
    }
  }
  std::vector<Json::Value> rows;
  for (const auto& row : context.bus().query<std::vector<VariantMap>>(manager(), "DiscoverClient", client)) {
    rows.push_back(to_json(row));
  }
  const std::vector<Column> columns{
      {"KIND", "kind"}, {"NAME", "name"}, {"SIZE", "size"}, {"PROTECTED", "protected"}, {"BY", "policies"}};
  context.print_records(columns, rows);
  if (context.json || context.quiet) return;
  for (const auto& row : rows) {
    if (row["protected"].asString() == "yes") continue;
    context.print(fmt::format("\n{}\n  {}\n", unprotected_line(row), printable(row["command"].asString())));
  }
}

void add_discover(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "discover", "show what could be backed up on it, and what no policy covers");
  const auto name = std::make_shared<std::string>();
  const auto known = std::make_shared<bool>(false);
  verb.add_option("NAME", *name)->required();
  verb.add_flag("--known", *known, "show the latest results, without logging in");
  verb.callback([&context, name, known] { discover(context, *name, *known); });
}

}  // namespace

void add_client_commands(CLI::App& app, Context& context) {
  auto& noun = add_noun(app, context, kClientNoun, "machines that are backed up");
  add_add(noun, context);
  add_prepare(noun, context);
  add_test(noun, context);
  add_discover(noun, context);
}

}  // namespace cyborg::client
