// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"

namespace cyborg::client {
namespace {

struct ListOptions {
  std::string policy, client, repository;
  std::uint64_t limit = 50;
  bool all = false;
};

void add_list_verb(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "list", "archives, the newest first");
  const auto options = std::make_shared<ListOptions>();
  verb.add_option("--client", options->client);
  verb.add_option("--policy", options->policy);
  verb.add_option("--repository", options->repository);
  auto* limit =
      verb.add_option("--limit", options->limit, "at most this many (default: 50)")->check(whole_number(1));
  verb.add_flag("--all", options->all, "the whole history")->excludes(limit);
  verb.callback([&context, options] {
    VariantMap filter;
    for (const auto& [key, value] :
         {std::pair("policy", &options->policy), std::pair("client", &options->client),
          std::pair("repository", &options->repository)}) {
      if (!value->empty()) filter.emplace(key, sdbus::Variant{*value});
    }
    const auto archives =
        list_pages(context.bus(), "ListArchives", filter, options->all ? 0 : options->limit);
    std::vector<Column> columns{{"NAME", "name"},          {"CLIENT", "client"},
                                {"POLICY", "policy"},      {"REPOSITORY", "repository"},
                                {"CREATED", "created"},    {"FILES", "files"},
                                {"SIZE", "original_size"}, {"NEW", "deduplicated_size"}};
    if (std::ranges::any_of(archives, [](const Json::Value& row) { return row["missing"].asUInt64() > 0; }))
      columns.push_back({"MISSING SINCE", "missing"});
    context.print_records(columns, archives);
  });
}

// REPOSITORY::NAME if two repositories have an archive of the same name.
void show_archive(Context& context, const std::string& archive) {
  VariantMap filter;
  const auto separator = archive.find("::");
  if (separator != std::string::npos)
    filter.emplace("repository", sdbus::Variant{archive.substr(0, separator)});
  const auto name = separator == std::string::npos ? archive : archive.substr(separator + 2);
  filter.emplace("name", sdbus::Variant{name});
  const auto found = list_pages(context.bus(), "ListArchives", filter, 2);
  const auto& row = error_info(ErrorCode::no_such_archive);
  if (found.empty())
    throw Failure(kNotFound, fmt::format("no archive named \"{}\"", archive), std::string(row.hint));
  if (found.size() > 1) {
    throw usage(fmt::format("several repositories have an archive named {}", name),
                fmt::format("say which: {}::{}", found[0]["repository"].asString(), name));
  }
  context.print_record(found.front());
}

void add_why(CLI::App& noun, Context& context) {
  auto& verb =
      add_verb(noun, "why", "show which retention rule keeps an archive, and when it will be removed");
  const auto archive = std::make_shared<std::string>();
  verb.add_option("ARCHIVE", *archive)->required();
  verb.callback([&context, archive] {
    context.print_record(
        with_snake_keys(to_json(context.bus().query<VariantMap>(manager(), "ExplainArchive", *archive))));
  });
}

// Adds a verb that calls a method on one archive and waits for its job.
void add_job_verb(CLI::App& noun, Context& context, const char* name, const char* description,
                  const char* method) {
  auto& verb = add_verb(noun, name, description);
  const auto archive = std::make_shared<std::string>();
  const auto mode = std::make_shared<Watch>(Watch::none);
  verb.add_option("ARCHIVE", *archive)->required();
  add_watch_options(verb, *mode);
  verb.callback([&context, archive, mode, method] {
    JobWatch watch(context, *mode);
    const auto job = context.bus().act<std::uint64_t>(manager(), method, *archive);
    report_jobs(context, watch, *mode, std::nullopt, {job});
  });
}

VariantMap property(const char* key, sdbus::Variant value) {
  VariantMap result;
  result.emplace(key, std::move(value));
  return result;
}

// Adds pin, unpin or comment.
void add_set(CLI::App& noun, Context& context, const char* name, const char* description,
             std::function<VariantMap(const std::string& text)> properties, bool takes_text) {
  auto& verb = add_verb(noun, name, description);
  const auto archive = std::make_shared<std::string>();
  const auto text = std::make_shared<std::string>();
  verb.add_option("ARCHIVE", *archive)->required();
  if (takes_text) verb.add_option("TEXT", *text, "empty: none")->required();
  verb.callback([&context, archive, text, properties = std::move(properties)] {
    context.bus().act(manager(), "SetArchive", *archive, properties(*text));
  });
}

}  // namespace

void add_archive_commands(CLI::App& app, Context& context) {
  auto& noun = *app.add_subcommand("archive", "archives made by successful backups");
  noun.require_subcommand(1);
  add_list_verb(noun, context);
  auto& show = add_verb(noun, "show", "show everything about it");
  const auto archive = std::make_shared<std::string>();
  show.add_option("ARCHIVE", *archive, "its name, or REPOSITORY::NAME")->required();
  show.callback([&context, archive] { show_archive(context, *archive); });
  add_why(noun, context);
  add_job_verb(noun, context, "verify", "verify that an archive can be restored", "VerifyArchive");
  add_job_verb(noun, context, "remove", "delete an archive from its repository", "RemoveArchive");
  const auto pinned = [](bool value) {
    return [value](const std::string&) { return property("pinned", sdbus::Variant{value}); };
  };
  add_set(noun, context, "pin", "keep an archive, whatever retention says", pinned(true), false);
  add_set(noun, context, "unpin", "let retention decide again about an archive", pinned(false), false);
  add_set(
      noun, context, "comment", "set a comment on an archive",
      [](const std::string& text) { return property("comment", sdbus::Variant{text}); }, true);
  add_archive_import(noun, context);
  add_archive_catalog_verbs(noun, context);
}

}  // namespace cyborg::client
