// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"

namespace cyborg::client {
namespace {

struct PageOptions {
  std::uint64_t limit = 50;
  bool all = false;

  void add_to(CLI::App& verb) {
    auto* option =
        verb.add_option("--limit", limit, "at most this many (default: 50)")->check(whole_number(1));
    verb.add_flag("--all", all, "every one")->excludes(option);
  }
  std::uint64_t count() const { return all ? 0 : limit; }
};

const std::vector<Column> kVersions{{"MODE", "mode"},
                                    {"SIZE", "size"},
                                    {"MODIFIED", "mtime"},
                                    {"CLIENT", "client"},
                                    {"PATH", "path"},
                                    {"FIRST ARCHIVE", "first_archive"},
                                    {"LAST ARCHIVE", "last_archive"},
                                    {"CURRENT", "current"}};

// Mentions that there are more rows, since nobody counts them.
void print_page(Context& context, const std::vector<Column>& columns, const std::vector<Json::Value>& rows,
                const PageOptions& options) {
  context.print_records(columns, rows, "path");
  if (!options.all && rows.size() == options.limit) {
    context.say(fmt::format("the first {}; --all or --limit shows more", options.limit));
  }
}

void need_some(const std::vector<Json::Value>& rows, const std::string& what) {
  if (rows.empty())
    throw Failure(kNotFound, what, "cyborgctl job list --kind catalog shows what is in the catalog");
}

struct FindOptions : PageOptions {
  std::string pattern, client, policy, repository;
  bool ignore_case = false;
};

void find(Context& context, const FindOptions& options) {
  VariantMap filter;
  for (const auto& [key, value] : {std::pair("client", &options.client), std::pair("policy", &options.policy),
                                   std::pair("repository", &options.repository)}) {
    if (!value->empty()) filter.emplace(key, sdbus::Variant{*value});
  }
  if (options.ignore_case) filter.emplace("ignore_case", sdbus::Variant{true});
  const auto rows = list_pages_of(context.bus(), "FindFiles", options.count(), options.pattern, filter);
  need_some(rows, fmt::format("no archive has a file like \"{}\"", options.pattern));
  print_page(context, kVersions, rows, options);
}

struct HistoryOptions : PageOptions {
  std::string file;  // CLIENT:PATH
};

void history(Context& context, const HistoryOptions& options) {
  const auto colon = options.file.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == options.file.size())
    throw usage(fmt::format("{}: CLIENT:/PATH is expected", options.file));
  const auto rows = list_pages_of(context.bus(), "FileHistory", options.count(),
                                  options.file.substr(0, colon), options.file.substr(colon + 1));
  need_some(rows, fmt::format("no archive has {}", options.file));
  print_page(context, kVersions, rows, options);
}

void rebuild(Context& context, const std::string& client, Watch mode) {
  JobWatch watch(context, mode);
  auto [run, jobs] =
      context.bus().act<std::uint64_t, std::vector<std::uint64_t>>(manager(), "RebuildCatalog", client);
  report_jobs(context, watch, mode, run, jobs);
}

}  // namespace

void add_archive_catalog_verbs(CLI::App& noun, Context& context) {
  struct FilesOptions : PageOptions {
    std::string archive, path;
  };
  auto& files = add_verb(noun, "files", "a directory of an archive");
  const auto options = std::make_shared<FilesOptions>();
  files.add_option("ARCHIVE", options->archive, "its name, or REPOSITORY::NAME")->required();
  files.add_option("PATH", options->path, "a directory or file in it (default: the top)");
  options->add_to(files);
  files.callback([&context, options] {
    const auto rows =
        list_pages_of(context.bus(), "ListFiles", options->count(), options->archive, options->path);
    print_page(context,
               {{"MODE", "mode"},
                {"USER", "user"},
                {"GROUP", "group"},
                {"SIZE", "size"},
                {"MODIFIED", "mtime"},
                {"PATH", "path"}},
               rows, *options);
  });

  struct DiffOptions : PageOptions {
    std::string a, b;
  };
  auto& diff = add_verb(noun, "diff", "show the differences between two archives of one policy and client");
  const auto both = std::make_shared<DiffOptions>();
  diff.add_option("A", both->a, "the one before")->required();
  diff.add_option("B", both->b, "the one after")->required();
  both->add_to(diff);
  diff.callback([&context, both] {
    const auto rows = list_pages_of(context.bus(), "DiffArchives", both->count(), both->a, both->b);
    print_page(context,
               {{"CHANGE", "change"}, {"OLD SIZE", "old_size"}, {"NEW SIZE", "new_size"}, {"PATH", "path"}},
               rows, *both);
  });
}

void add_catalog_commands(CLI::App& app, Context& context) {
  auto& verb = *app.add_subcommand("find", "every version of matching files, over all archives");
  const auto options = std::make_shared<FindOptions>();
  verb.add_option("PATTERN", options->pattern, "part of a name or path; * and ? for a whole name")
      ->required();
  verb.add_option("--client", options->client);
  verb.add_option("--policy", options->policy);
  verb.add_option("--repository", options->repository);
  verb.add_flag("-i,--ignore-case", options->ignore_case, "ignore case");
  options->add_to(verb);
  verb.callback([&context, options] { find(context, *options); });

  auto& file = *app.add_subcommand("file", "single files in archives");
  file.require_subcommand(1);
  auto& versions = add_verb(file, "history", "the versions of a file that archives have");
  const auto of = std::make_shared<HistoryOptions>();
  versions.add_option("FILE", of->file, "the client, and the file on it")->required();
  of->add_to(versions);
  versions.callback([&context, of] { history(context, *of); });

  auto& catalog = *app.add_subcommand("catalog", "the catalog, which find, file and archive files search");
  catalog.require_subcommand(1);
  const auto client = std::make_shared<std::string>();
  auto& drop = add_verb(catalog, "drop", "delete the catalog of a client; its archives are kept");
  drop.add_option("CLIENT", *client)->required();
  drop.callback([&context, client] {
    context.bus().act<>(manager(), "DropCatalog", *client);
    context.say(fmt::format("the catalog of {} is dropped", *client));
  });
  const auto mode = std::make_shared<Watch>(Watch::none);
  auto& again = add_verb(catalog, "rebuild", "delete it, and build it again from all archives of the client");
  again.add_option("CLIENT", *client)->required();
  add_watch_options(again, *mode);
  again.callback([&context, client, mode] { rebuild(context, *client, *mode); });
}

}  // namespace cyborg::client
