// SPDX-License-Identifier: GPL-3.0-or-later
// repository archives, archive import: the archives in borg repositories, compared with the history.
#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"

namespace cyborg::client {
namespace {

// Lists the repository anew and waits; returns false if that failed.
bool list_anew(Context& context, const std::string& repository, const std::string& client) {
  VariantMap options;
  if (!client.empty()) options.emplace("clients", sdbus::Variant{std::vector<std::string>{client}});
  JobWatch watch(context, Watch::wait);
  const auto jobs =
      context.bus().act<std::vector<std::uint64_t>>(manager(), "ListRepository", repository, options);
  context.status = watch.wait(jobs);
  return context.status == kDone || context.status == kWarnings;
}

struct ArchivesOptions {
  std::string repository, client, state;
  bool last = false;
};

void show_archives(Context& context, const ArchivesOptions& wanted) {
  if (!wanted.last && !list_anew(context, wanted.repository, wanted.client)) {
    throw Failure(kUnsuccessful, "the repository could not be listed",
                  "cyborgctl job list --kind list shows why; --last shows what was found before");
  }
  VariantMap filter;
  if (!wanted.client.empty()) filter.emplace("client", sdbus::Variant{wanted.client});
  if (!wanted.state.empty()) filter.emplace("state", sdbus::Variant{wanted.state});
  context.print_records({{"NAME", "name"},
                         {"STATE", "state"},
                         {"CREATED", "created"},
                         {"CLIENT", "client"},
                         {"POLICY", "policy"}},
                        list_pages_of(context.bus(), "ListRepositoryArchives", 0, wanted.repository, filter));
}

struct ImportOptions {
  std::string repository, client, policy, glob;
  std::vector<std::string> names;
  Watch mode = Watch::wait;
};

void import(Context& context, const ImportOptions& wanted) {
  if (!list_anew(context, wanted.repository, wanted.client)) {
    throw Failure(kUnsuccessful, "the repository could not be listed, so nothing was imported",
                  "cyborgctl job list --kind list shows why");
  }
  VariantMap options;
  for (const auto& [key, value] : {std::pair("client", &wanted.client), std::pair("policy", &wanted.policy),
                                   std::pair("glob", &wanted.glob)}) {
    if (!value->empty()) options.emplace(key, sdbus::Variant{*value});
  }
  if (!wanted.names.empty()) options.emplace("names", sdbus::Variant{wanted.names});
  JobWatch watch(context, wanted.mode);
  const auto jobs =
      context.bus().act<std::vector<std::uint64_t>>(manager(), "ImportArchives", wanted.repository, options);
  report_jobs(context, watch, wanted.mode, std::nullopt, jobs);
}

}  // namespace

void add_repository_archives(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "archives", "list its archives: known, missing and foreign ones");
  const auto options = std::make_shared<ArchivesOptions>();
  verb.add_option("NAME", options->repository)->required();
  verb.add_option("--client", options->client, "only the borg repository of this client");
  verb.add_option("--state", options->state, "only archives in this state: known, missing or foreign");
  verb.add_flag("--last", options->last, "show the latest listing, without asking the repository");
  verb.callback([&context, options] { show_archives(context, *options); });
}

void add_archive_import(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "import", "add archives that cyborgd did not create to the history");
  const auto options = std::make_shared<ImportOptions>();
  verb.add_option("REPOSITORY", options->repository)->required();
  auto* names = verb.add_option("NAME", options->names, "names of archives (default: all foreign ones)");
  verb.add_option("--client", options->client, "the client to which they and the borg repository belong");
  verb.add_option("--policy", options->policy, "the policy whose retention applies to them (default: none)");
  verb.add_option("--glob", options->glob, "archives whose names match this shell pattern")->excludes(names);
  verb.add_flag_callback(
      "--follow", [options] { options->mode = Watch::follow; }, "show the output meanwhile");
  verb.callback([&context, options] { import(context, *options); });
}

}  // namespace cyborg::client
