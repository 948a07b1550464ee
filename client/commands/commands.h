// SPDX-License-Identifier: GPL-3.0-or-later
// The nouns of cyborgctl: each adds its subcommands to the application.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>

#include "client/context.h"

namespace cyborg::client {

// A validator for numeric options, since CLI11's own messages are hard to understand.
CLI::Validator whole_number(std::uint64_t least,
                            std::uint64_t most = std::numeric_limits<std::uint64_t>::max());

void add_client_commands(CLI::App& app, Context& context);
void add_repository_commands(CLI::App& app, Context& context);
void add_schedule_commands(CLI::App& app, Context& context);
void add_policy_commands(CLI::App& app, Context& context);
void add_job_commands(CLI::App& app, Context& context);
void add_archive_commands(CLI::App& app, Context& context);
void add_repository_archives(CLI::App& noun, Context& context);
void add_archive_import(CLI::App& noun, Context& context);
void add_archive_catalog_verbs(CLI::App& noun, Context& context);  // archive files, archive diff
void add_catalog_commands(CLI::App& app, Context& context);        // find, file, catalog
void add_restore_command(CLI::App& app, Context& context);
void add_settings_commands(CLI::App& app, Context& context);  // settings, ssh-key
void add_status_command(CLI::App& app, Context& context);
void add_report_commands(CLI::App& app, Context& context);  // report, metrics

// The whole program; returns its exit status. Called by main() and by tests.
int run(int argc, const char* const* argv);

}  // namespace cyborg::client
