// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "client/commands/commands.h"
#include "client/format/text.h"
#include "client/values.h"

#ifndef CYBORG_VERSION
#define CYBORG_VERSION "unknown"
#endif

namespace cyborg::client {
namespace {

int report(const Failure& failure) {
  std::fflush(stdout);
  fmt::print(stderr, "cyborgctl: {}\n", printable(failure.what()));
  if (!failure.hint.empty()) fmt::print(stderr, "hint: {}\n", printable(failure.hint));
  return failure.status;
}

// Help and version go to standard output, with status 0; everything else is wrong usage.
int report(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);
  std::string message = error.what();
  const auto not_understood = app.remaining(true);
  if (dynamic_cast<const CLI::RequiredError*>(&error) && !not_understood.empty())
    message = not_understood.front() + ": there is no such command";
  return report(usage(message, "cyborgctl --help, or --help after a command, shows what is possible"));
}

void add_global_options(CLI::App& app, Context& context) {
  app.set_version_flag("--version", "cyborgctl " CYBORG_VERSION);
  app.add_flag("--json", context.json, "print JSON");
  app.add_flag("-q,--quiet", context.quiet, "print errors only; lists: names only");
  app.add_flag("--no-ask-password", context.no_ask_password, "never let polkit ask for a password");
  app.fallthrough();  // they are also accepted after the command
  app.require_subcommand(1);
}

// CLI11 splits an argument in brackets at its commas. Only a path to restore can look like that, and a slash
// in front of it prevents the split without changing its meaning.
std::vector<std::string> protect_brackets(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  bool restore = false;
  for (auto& argument : arguments) {
    restore = restore || argument == "restore";
    if (restore && argument.starts_with('[') && argument.ends_with(']')) argument.insert(0, "/");
  }
  return arguments;
}

int run_guarded(CLI::App& app, Context& context, int argc, const char* const* argv) try {
  std::vector<const char*> arguments;
  const auto texts = protect_brackets(argc, argv);
  for (const auto& text : texts) arguments.push_back(text.c_str());
  app.parse(argc, arguments.data());
  return context.status;
} catch (const CLI::ParseError& error) {
  return report(app, error);
} catch (const Failure& failure) {
  return report(failure);
} catch (const std::exception& error) {
  return report(Failure(kFailed, error.what(), "this is a bug of cyborgctl: please report it"));
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return CLI::Validator{[least, most](const std::string& text) { return number_problem(text, least, most); },
                        "", "whole number"};
}

int run(int argc, const char* const* argv) {
  std::setlocale(LC_TIME, "");
  CLI::App app("Manages the backups of cyborgd", "cyborgctl");
  Context context;
  add_global_options(app, context);
  add_status_command(app, context);
  add_report_commands(app, context);
  add_client_commands(app, context);
  add_repository_commands(app, context);
  add_schedule_commands(app, context);
  add_policy_commands(app, context);
  add_job_commands(app, context);
  add_archive_commands(app, context);
  add_catalog_commands(app, context);
  add_restore_command(app, context);
  add_settings_commands(app, context);
  int status = run_guarded(app, context, argc, argv);
  // If lines could not be written (a full disk, a closed pipe), the command failed.
  if (std::fflush(stdout) != 0 && status == kDone) status = kFailed;
  return status;
}

}  // namespace cyborg::client
