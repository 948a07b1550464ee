// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/bus/receiver.h"
#include "client/commands/commands.h"
#include "client/commands/property_options.h"
#include "client/format/text.h"

namespace cyborg::client {
namespace {

// Options that need more than a row of the restore's options each.
struct RestoreOptions {
  std::string archive, to, guest;
  std::vector<std::string> paths, databases;
  bool in_place = false;
  bool to_stdout = false;
  Watch mode = Watch::none;
  PropertyOptions plain{restore_properties()};

  bool of_databases() const {
    return plain.flag("all_databases") || plain.flag("globals") || !databases.empty();
  }
};

// Parses CLIENT:/DIRECTORY, or CLIENT alone for databases and guests.
void add_target(const RestoreOptions& options, VariantMap& result) {
  if (options.of_databases() || !options.guest.empty()) {
    if (options.to.find_first_of(":/") != std::string::npos)
      throw usage(fmt::format("--to {}: databases and guests go to a CLIENT, not to a directory", options.to),
                  options.guest.empty() ? "" : "--directory says where a guest's disks are to be");
    if (!options.to.empty()) result.emplace("client", sdbus::Variant{options.to});
    return;
  }
  const auto colon = options.to.find(':');
  if (colon == std::string::npos || colon == 0 || options.to.find('/', colon) != colon + 1)
    throw usage(fmt::format("--to {}: CLIENT:/DIRECTORY is expected", options.to));
  result.emplace("client", sdbus::Variant{options.to.substr(0, colon)});
  result.emplace("directory", sdbus::Variant{options.to.substr(colon + 1)});
}

// NAME or NAME=NEWNAME.
VariantMap databases_of(const std::vector<std::string>& texts) {
  VariantMap result;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    const auto target = equals == std::string::npos ? std::string{} : text.substr(equals + 1);
    if (equals == 0 || (equals != std::string::npos && target.empty()))
      throw usage(fmt::format("--database {}: NAME or NAME=NEWNAME is expected", text));
    if (!result.emplace(text.substr(0, equals), sdbus::Variant{target}).second)
      throw usage(fmt::format("--database {}: there twice", text));
  }
  return result;
}

// NAME or NAME=NEWNAME.
void add_guest(const RestoreOptions& options, VariantMap& result) {
  const auto equals = options.guest.find('=');
  const auto name = options.guest.substr(0, equals);
  const auto target = equals == std::string::npos ? std::string{} : options.guest.substr(equals + 1);
  if (name.empty() || (equals != std::string::npos && target.empty()))
    throw usage(fmt::format("--guest {}: NAME or NAME=NEWNAME is expected", options.guest));
  result.emplace("guest", sdbus::Variant{name});
  if (!target.empty()) result.emplace("guest_name", sdbus::Variant{target});
}

VariantMap options_of(const RestoreOptions& options) {
  VariantMap result = options.plain.properties();
  if (!options.databases.empty())
    result.emplace("databases", sdbus::Variant{databases_of(options.databases)});
  if (!options.guest.empty()) add_guest(options, result);
  if (options.in_place) {
    result.emplace("in_place", sdbus::Variant{true});
  } else if (!options.to_stdout) {
    add_target(options, result);
  }
  return result;
}

void check(const Context& context, const RestoreOptions& options) {
  const bool of_guest = !options.guest.empty();
  const int targets = int{options.in_place} + int{options.to_stdout} +
                      int{options.of_databases() || of_guest || !options.to.empty()};
  if (targets == 0) {
    throw usage(
        "no destination: --to CLIENT:/DIRECTORY, --in-place, --stdout, --database or --guest is required");
  }
  if (targets > 1 || (of_guest && options.of_databases()))
    throw usage("one of --to, --in-place, --stdout, --database and --guest is expected");
  if (!of_guest && (options.plain.flag("start") || !options.plain.text("directory").empty()))
    throw usage("--start, --directory: only a --guest has them");
  if (options.plain.flag("tar") && !options.to_stdout)
    throw usage("--tar: only --stdout can be a tar stream");
  if (!options.to_stdout) return;
  if (context.json) throw usage("--stdout and --json: standard output takes one of them");
  if (options.plain.flag("dry_run"))
    throw usage("--stdout and --dry-run: nothing would be written but the output");
  const bool tar = options.plain.flag("tar") || options.paths.size() != 1;
  if (tar && isatty(STDOUT_FILENO))
    throw usage("a tar stream is not for a terminal", "cyborgctl restore … --stdout >FILE.tar");
}

std::uint64_t call(Context& context, const RestoreOptions& options, const VariantMap& properties) {
  return context.bus().act<std::uint64_t>(manager(), "Restore", options.archive, options.paths, properties);
}

// Only the content goes to standard output.
void restore_to_stdout(Context& context, const RestoreOptions& options) {
  context.quiet = true;
  Receiver receiver;
  JobWatch watch(context, Watch::wait);
  std::uint64_t job = 0;
  {
    auto properties = options_of(options);
    properties.emplace("output", sdbus::Variant{receiver.take_writer()});
    job = call(context, options, properties);
  }
  const int status = watch.wait({job});
  receiver.finish();
  if (!receiver.problem().empty()) throw Failure(kFailed, "standard output: " + receiver.problem());
  if (status != kDone) throw Failure(status, describe_job(watch.records().front()));
}

// Shows the findings of a dry run, besides its message.
void show_findings(const Context& context, const JobWatch& watch) {
  if (context.json) return;
  for (const auto& record : watch.records()) {
    const Json::Value& names = record["facts"]["existing_names"];
    if (!names.isArray()) continue;
    for (const auto& name : names) context.say("  there already: " + name.asString());
    if (record["facts"]["existing"].asUInt64() > names.size()) context.say("  ...");
  }
}

void restore(Context& context, const RestoreOptions& options) {
  check(context, options);
  if (options.to_stdout) return restore_to_stdout(context, options);
  const auto properties = options_of(options);
  // A dry run always waits for its result.
  const bool dry_run = options.plain.flag("dry_run");
  const auto mode = dry_run ? std::max(options.mode, Watch::wait) : options.mode;
  JobWatch watch(context, mode);
  const auto job = call(context, options, properties);
  report_jobs(context, watch, mode, std::nullopt, {job});
  if (dry_run) show_findings(context, watch);
}

}  // namespace

void add_restore_command(CLI::App& app, Context& context) {
  auto& verb = *app.add_subcommand("restore", "restore files, archives, databases and guests");
  const auto options = std::make_shared<RestoreOptions>();
  verb.add_option("ARCHIVE", options->archive, "its name, or REPOSITORY::NAME")->required();
  verb.add_option("PATH", options->paths, "a file or folder in the archive (default: all)");
  verb.add_option("--to", options->to, "CLIENT:/DIRECTORY to restore into; for databases and guests CLIENT");
  verb.add_flag("--in-place", options->in_place, "in place, over the current files on the archive's client");
  verb.add_flag("--stdout", options->to_stdout,
                "print the content of one file, or a tar stream of folders and several paths");
  add_list(verb, "--database", options->databases,
           "NAME or NAME=NEWNAME: load the dump of this database into the client's server");
  verb.add_option("--guest", options->guest,
                  "NAME or NAME=NEWNAME: restore this guest into the client's hypervisor");
  options->plain.add_to(verb);
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { restore(context, *options); });
}

}  // namespace cyborg::client
