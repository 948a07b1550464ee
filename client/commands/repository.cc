// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/commands/property_options.h"
#include "client/scheduled.h"
#include "client/secrets.h"
#include "core/calendar.h"
#include "core/units.h"

namespace cyborg::client {
namespace {

void add_add(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "add", "add a place for archives");
  const auto name = std::make_shared<std::string>();
  const auto passphrase_file = std::make_shared<std::string>();
  const auto options = std::make_shared<PropertyOptions>(kRepositoryNoun.keys);
  verb.add_option("NAME", *name, "its name in cyborgd")->required();
  options->add_to(verb);
  verb.add_option("--passphrase-file", *passphrase_file,
                  "a file, or - for standard input (default: a strong one is generated)");
  verb.get_option("--check-verify-data")->excludes(verb.get_option("--check-max-duration"));
  verb.callback([&context, name, passphrase_file, options] {
    auto properties = options->properties();
    properties.erase("url");
    if (!passphrase_file->empty())
      properties.emplace("passphrase", sdbus::Variant{secret_from_file(*passphrase_file)});
    context.bus().act<sdbus::ObjectPath>(manager(), "AddRepository", *name, options->text("url"), properties);
    report_added(context, kRepositoryNoun, *name);
  });
}

struct PrepareOptions {
  std::string repository;
  std::vector<std::string> clients;
  bool test = false, anew = false;
  Watch mode = Watch::none;
};

void prepare(Context& context, const PrepareOptions& wanted) {
  VariantMap options;
  if (wanted.test) options.emplace("dry_run", sdbus::Variant{true});
  if (wanted.anew) options.emplace("anew", sdbus::Variant{true});
  if (!wanted.clients.empty()) options.emplace("clients", sdbus::Variant{wanted.clients});
  JobWatch watch(context, wanted.mode);
  const auto jobs = context.bus().act<std::vector<std::uint64_t>>(manager(), "PrepareRepository",
                                                                  wanted.repository, options);
  report_jobs(context, watch, wanted.mode, std::nullopt, jobs);
}

void add_prepare(CLI::App& noun, Context& context, const std::string& name, bool test) {
  auto& verb = add_verb(noun, name,
                        test ? "test whether it is reachable and usable, without changing anything"
                             : "create or open its borg repositories");
  const auto options = std::make_shared<PrepareOptions>();
  options->test = test;
  options->mode = test ? Watch::wait : Watch::none;
  verb.add_option("NAME", options->repository)->required();
  add_names(verb, "--client", options->clients, "only for this client");
  if (!test) {
    verb.add_flag("--anew", options->anew, "the old one is lost: replace it by another one");
    add_watch_options(verb, options->mode);
  }
  verb.callback([&context, options] { prepare(context, *options); });
}

struct MaintenanceOptions {
  std::string repository;
  std::vector<std::string> clients;
  std::string max_duration;
  bool verify_data = false;
  bool scheduled = false;
  Watch mode = Watch::none;
};

void maintain(Context& context, const char* what, const char* method, const MaintenanceOptions& wanted) try {
  VariantMap options;
  if (wanted.scheduled) {
    options.emplace("scheduled",
                    sdbus::Variant{elapse_time(context, timer_unit_name(what, wanted.repository))});
  }
  if (!wanted.clients.empty()) options.emplace("clients", sdbus::Variant{wanted.clients});
  if (!wanted.max_duration.empty()) {
    const auto span = parse_time_span(wanted.max_duration);
    if (!span) throw usage(fmt::format("{}: a time span such as 30min is expected", wanted.max_duration));
    options.emplace("max_duration", sdbus::Variant{static_cast<std::uint64_t>(span->count())});
  }
  if (wanted.verify_data) options.emplace("verify_data", sdbus::Variant{true});
  JobWatch watch(context, wanted.mode);
  const auto jobs =
      context.bus().act<std::vector<std::uint64_t>>(manager(), method, wanted.repository, options);
  report_jobs(context, watch, wanted.mode, std::nullopt, jobs);
} catch (Failure& failure) {
  if (wanted.scheduled) settle_scheduled(failure);
  throw;
}

CLI::App& add_maintenance(CLI::App& noun, Context& context, const char* name, const char* method,
                          const char* description, const std::shared_ptr<MaintenanceOptions>& options) {
  auto& verb = add_verb(noun, name, description);
  verb.add_option("NAME", options->repository)->required();
  auto* clients = add_names(verb, "--client", options->clients, "only the borg repository of this client");
  verb.add_flag("--scheduled", options->scheduled,
                fmt::format("for cyborg-{}@.service: this elapse of the timer, once", name))
      ->excludes(clients);
  add_watch_options(verb, options->mode);
  verb.callback([&context, name, method, options] { maintain(context, name, method, *options); });
  return verb;
}

void add_maintenance_verbs(CLI::App& noun, Context& context) {
  add_maintenance(noun, context, "compact", "CompactRepository", "free the space of removed archives",
                  std::make_shared<MaintenanceOptions>());
  add_maintenance(noun, context, "verify", "VerifyRepository",
                  "verify that its newest archives can be restored", std::make_shared<MaintenanceOptions>());
  const auto options = std::make_shared<MaintenanceOptions>();
  auto& check = add_maintenance(noun, context, "check", "CheckRepository", "check for damage", options);
  auto* duration = check.add_option("--max-duration", options->max_duration,
                                    "only for this time, such as 30min; the next check continues from there");
  check.add_flag("--verify-data", options->verify_data, "read and authenticate all data")->excludes(duration);
}

void export_key(Context& context, const std::string& repository, const std::string& client) {
  VariantMap options;
  if (!client.empty()) options.emplace("client", sdbus::Variant{client});
  const auto descriptor = context.bus().act<sdbus::UnixFd>(manager(), "ExportKey", repository, options);
  const auto text = read_all(descriptor.get());
  if (context.json) {
    Json::Value answer(Json::objectValue);
    answer["text"] = text;
    context.print_json(answer);
  } else {
    context.print(text.ends_with('\n') ? text : text + '\n');
  }
}

struct PassphraseOptions {
  std::string repository, file;
  std::vector<std::string> clients;
  Watch mode = Watch::none;
};

void change_passphrase(Context& context, const PassphraseOptions& wanted) {
  VariantMap options;
  if (!wanted.clients.empty()) options.emplace("clients", sdbus::Variant{wanted.clients});
  if (!wanted.file.empty()) options.emplace("passphrase", sdbus::Variant{secret_from_file(wanted.file)});
  JobWatch watch(context, wanted.mode);
  const auto jobs = context.bus().act<std::vector<std::uint64_t>>(manager(), "ChangePassphrase",
                                                                  wanted.repository, options);
  report_jobs(context, watch, wanted.mode, std::nullopt, jobs);
}

void add_change_passphrase(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "change-passphrase", "change the passphrase; export it again afterwards");
  const auto options = std::make_shared<PassphraseOptions>();
  verb.add_option("NAME", options->repository)->required();
  add_names(verb, "--client", options->clients, "only of the borg repository of this client");
  verb.add_option("--passphrase-file", options->file,
                  "a file, or - for standard input (default: a strong one is generated)");
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { change_passphrase(context, *options); });
}

void add_key_export(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "key-export", "print passphrase and location, to keep in a safe place");
  const auto repository = std::make_shared<std::string>();
  const auto client = std::make_shared<std::string>();
  verb.add_option("NAME", *repository)->required();
  verb.add_option("--client", *client,
                  "the client whose borg repository it is, if the URL contains {client}");
  verb.callback([&context, repository, client] { export_key(context, *repository, *client); });
}

std::vector<Json::Value> list_keys(Context& context, const std::string& repository,
                                   const std::string& client) {
  VariantMap filter{{"repository", sdbus::Variant{repository}}};
  if (!client.empty()) filter.emplace("client", sdbus::Variant{client});
  std::vector<Json::Value> rows;
  for (const auto& record : context.bus().query<std::vector<VariantMap>>(manager(), "ListKeys", filter)) {
    rows.push_back(with_snake_keys(to_json(record)));
  }
  return rows;
}

void add_keys(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "keys", "list clients' keys on its host, with the transport direct");
  const auto repository = std::make_shared<std::string>();
  verb.add_option("NAME", *repository)->required();
  verb.callback([&context, repository] {
    context.print_records({{"CLIENT", "client"},
                           {"HOST", "host"},
                           {"AUTHORIZED", "authorized"},
                           {"MANUAL", "manual"},
                           {"NEEDED", "needed"},
                           {"KEY", "key"}},
                          list_keys(context, *repository, ""));
  });
}

void add_key_line(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "key-line", "print the line for authorized_keys that grants a client access");
  const auto repository = std::make_shared<std::string>();
  const auto client = std::make_shared<std::string>();
  verb.add_option("NAME", *repository)->required();
  verb.add_option("--client", *client, "whose")->required();
  verb.callback([&context, repository, client] {
    const auto rows = list_keys(context, *repository, *client);
    if (rows.empty()) {
      throw Failure(
          kNotFound, fmt::format("client {} has no key for repository {}", *client, *repository),
          fmt::format("cyborgctl repository prepare {} --client {} makes it, if the transport is direct",
                      *repository, *client));
    }
    if (context.json) return context.print_json(rows.front());
    context.print(rows.front()["line"].asString() + "\n");
  });
}

struct WithdrawOptions {
  std::string repository;
  std::vector<std::string> clients;
  bool force = false;
  Watch mode = Watch::none;
};

void withdraw(Context& context, const WithdrawOptions& wanted) {
  VariantMap options;
  if (!wanted.clients.empty()) options.emplace("clients", sdbus::Variant{wanted.clients});
  if (wanted.force) options.emplace("force", sdbus::Variant{true});
  JobWatch watch(context, wanted.mode);
  const auto jobs =
      context.bus().act<std::vector<std::uint64_t>>(manager(), "WithdrawKeys", wanted.repository, options);
  if (wanted.force) return context.say("the keys were forgotten; nothing was changed on the repository host");
  report_jobs(context, watch, wanted.mode, std::nullopt, jobs);
}

void add_withdraw(CLI::App& noun, Context& context) {
  auto& verb = add_verb(
      noun, "withdraw",
      "remove clients' keys from its host that are not needed, or whose client or repository is disabled");
  const auto options = std::make_shared<WithdrawOptions>();
  verb.add_option("NAME", options->repository)->required();
  add_names(verb, "--client", options->clients, "only the key of this client");
  verb.add_flag("--force", options->force,
                "forget the keys: the host is gone, or the lines were removed by hand");
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { withdraw(context, *options); });
}

}  // namespace

void add_repository_commands(CLI::App& app, Context& context) {
  auto& noun = add_noun(app, context, kRepositoryNoun, "places where archives are kept");
  add_add(noun, context);
  add_prepare(noun, context, "prepare", false);
  add_prepare(noun, context, "test", true);
  add_change_passphrase(noun, context);
  add_key_export(noun, context);
  add_keys(noun, context);
  add_key_line(noun, context);
  add_withdraw(noun, context);
  add_maintenance_verbs(noun, context);
  add_repository_archives(noun, context);
}

}  // namespace cyborg::client
