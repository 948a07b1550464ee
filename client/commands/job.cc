// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <memory>

#include "client/bus/jobs.h"
#include "client/bus/objects.h"
#include "client/commands/commands.h"
#include "client/format/text.h"
#include "core/job_kind.h"
#include "core/job_state.h"

namespace cyborg::client {
namespace {

using Line = sdbus::Struct<std::uint64_t, std::uint8_t, std::string>;

constexpr std::uint32_t kLogPage = 10000;

struct ListOptions {
  std::string policy, client, repository, kind, state;
  std::uint64_t run = 0;
  std::uint64_t limit = 50;
  bool all = false;
};

VariantMap filter_of(const ListOptions& options) {
  VariantMap filter;
  for (const auto& [key, value] : {std::pair("policy", &options.policy), std::pair("client", &options.client),
                                   std::pair("repository", &options.repository),
                                   std::pair("kind", &options.kind), std::pair("state", &options.state)}) {
    if (!value->empty()) filter.emplace(key, sdbus::Variant{*value});
  }
  if (options.run != 0) filter.emplace("run", sdbus::Variant{options.run});
  return filter;
}

void add_list_verb(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "list", "jobs, the newest first");
  const auto options = std::make_shared<ListOptions>();
  verb.add_option("--policy", options->policy);
  verb.add_option("--client", options->client);
  verb.add_option("--repository", options->repository);
  verb.add_option("--kind", options->kind, alternatives(kJobKinds));
  verb.add_option("--state", options->state, alternatives(kJobStates));
  verb.add_option("--run", options->run, "only jobs of this run")->check(whole_number(1));
  auto* limit =
      verb.add_option("--limit", options->limit, "at most this many (default: 50)")->check(whole_number(1));
  verb.add_flag("--all", options->all, "the whole history")->excludes(limit);
  verb.callback([&context, options] {
    const auto limit_now = options->all ? 0 : options->limit;
    context.print_records({{"JOB", "id"},
                           {"RUN", "run"},
                           {"KIND", "kind"},
                           {"POLICY", "policy"},
                           {"CLIENT", "client"},
                           {"REPOSITORY", "repository"},
                           {"STATE", "state"},
                           {"CREATED", "created"},
                           {"REASON", "reason"}},
                          list_pages(context.bus(), "ListJobs", filter_of(*options), limit_now), "id");
  });
}

Json::Value json_of(const Line& line) {
  Json::Value record(Json::objectValue);
  record["time"] = Json::Value::UInt64{line.get<0>()};
  record["priority"] = line.get<1>();
  record["text"] = line.get<2>();
  return record;
}

void show_log(Context& context, std::uint64_t id) {
  Json::Value list(Json::arrayValue);
  std::uint64_t next = 0;
  for (bool more = true; more;) {
    const auto [lines, end] =
        context.bus().query<std::vector<Line>, bool>(manager(), "ReadJobLog", id, next, kLogPage);
    for (const auto& line : lines) {
      if (context.json) {
        list.append(json_of(line));
      } else {
        context.print(printable(line.get<2>()) + '\n');
      }
    }
    next += lines.size();
    more = !end && !lines.empty();
  }
  if (context.json) context.print_json(list);
}

std::shared_ptr<std::uint64_t> add_id(CLI::App& verb) {
  const auto id = std::make_shared<std::uint64_t>(0);
  verb.add_option("ID", *id, "the number of the job")->required()->check(whole_number(1));
  return id;
}

void add_log(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "log", "show its output");
  const auto id = add_id(verb);
  const auto follow = std::make_shared<bool>(false);
  verb.add_flag("-f,--follow", *follow, "continue until it ends; exit status 6 for warnings, 7 for failure");
  verb.callback([&context, id, follow] {
    if (!*follow) return show_log(context, *id);
    JobWatch watch(context, Watch::follow);
    report_jobs(context, watch, Watch::follow, std::nullopt, {*id});
  });
}

void add_cancel(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "cancel", "stop it; jobs that wait for it are skipped");
  const auto ids = std::make_shared<std::vector<std::uint64_t>>();
  const auto wait = std::make_shared<bool>(false);
  verb.add_option("ID", *ids, "the numbers of the jobs")->required()->check(whole_number(1));
  verb.add_flag("--wait", *wait, "wait until they have ended");
  verb.callback([&context, ids, wait] {
    JobWatch watch(context, *wait ? Watch::wait : Watch::none);
    for (const auto id : *ids) context.bus().act<>(manager(), "CancelJob", id);
    // The user asked for these jobs not to succeed, so ignore the status.
    if (*wait) watch.wait(*ids);
  });
}

void add_retry(CLI::App& noun, Context& context) {
  auto& verb = add_verb(noun, "retry", "do the same work again, with the preparations it needs");
  const auto id = add_id(verb);
  const auto mode = std::make_shared<Watch>(Watch::none);
  add_watch_options(verb, *mode);
  verb.callback([&context, id, mode] {
    JobWatch watch(context, *mode);
    const auto [run, jobs] =
        context.bus().act<std::uint64_t, std::vector<std::uint64_t>>(manager(), "RetryJob", *id);
    report_jobs(context, watch, *mode, run, jobs);
  });
}

}  // namespace

void add_job_commands(CLI::App& app, Context& context) {
  auto& noun = *app.add_subcommand("job", "units of work: backups, restores, preparations");
  noun.require_subcommand(1);
  add_list_verb(noun, context);
  auto& show = add_verb(noun, "show", "show everything about it");
  const auto id = add_id(show);
  show.callback([&context, id] { context.print_record(get_job(context.bus(), *id)); });
  add_log(noun, context);
  add_cancel(noun, context);
  add_retry(noun, context);
}

}  // namespace cyborg::client
