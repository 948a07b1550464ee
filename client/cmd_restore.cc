#include <fmt/format.h>

#include <memory>

#include "client/commands.h"
#include "client/jobs.h"
#include "client/objects.h"

namespace cyborg::client {
namespace {

struct RestoreOptions {
  std::string archive, to;
  std::vector<std::string> paths;
  bool in_place = false;
  bool dry_run = false;
  Watch mode = Watch::none;
};

VariantMap options_of(const RestoreOptions& options) {
  VariantMap result;
  if (options.dry_run) result.emplace("dry_run", sdbus::Variant{true});
  if (options.in_place) {
    result.emplace("in_place", sdbus::Variant{true});
    return result;
  }
  const auto colon = options.to.find(':');
  if (colon == std::string::npos || colon == 0 || options.to.find('/', colon) != colon + 1)
    throw usage(fmt::format("--to {}: CLIENT:/DIRECTORY is expected", options.to));
  result.emplace("client", sdbus::Variant{options.to.substr(0, colon)});
  result.emplace("directory", sdbus::Variant{options.to.substr(colon + 1)});
  return result;
}

void restore(Context& context, const RestoreOptions& options) {
  if (options.to.empty() && !options.in_place)
    throw usage("where to? --to CLIENT:/DIRECTORY or --in-place is needed");
  const auto properties = options_of(options);
  JobWatch watch(context, options.mode);
  const auto job =
      context.bus().act<std::uint64_t>(manager(), "Restore", options.archive, options.paths, properties);
  if (job == 0) {  // a dry run need not be a job
    context.say("this restore is possible");
    return;
  }
  report_jobs(context, watch, options.mode, std::nullopt, {job});
}

}  // namespace

void add_restore_command(CLI::App& app, Context& context) {
  auto& verb = *app.add_subcommand("restore", "bring back an archive, or paths in it");
  const auto options = std::make_shared<RestoreOptions>();
  verb.add_option("ARCHIVE", options->archive, "its name, or REPOSITORY::NAME")->required();
  verb.add_option("PATH", options->paths, "a file or folder in the archive (default: all)");
  auto* to = verb.add_option("--to", options->to, "CLIENT:/DIRECTORY to restore into");
  verb.add_flag("--in-place", options->in_place, "over the files as they are now, on the archive's client")
      ->excludes(to);
  verb.add_flag("--dry-run", options->dry_run, "only say what would be done");
  add_watch_options(verb, options->mode);
  verb.callback([&context, options] { restore(context, *options); });
}

}  // namespace cyborg::client
