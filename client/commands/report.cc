// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <json/reader.h>

#include <cstdio>
#include <ctime>
#include <memory>
#include <sstream>

#include "client/bus/fleet.h"
#include "client/bus/jobs.h"
#include "client/commands/commands.h"
#include "client/format/changes.h"
#include "client/format/metrics.h"
#include "client/format/report.h"
#include "client/format/text.h"
#include "client/outlet.h"
#include "core/calendar.h"

namespace cyborg::client {
namespace {

constexpr std::uint64_t kSecond = 1'000'000;

struct ReportOptions {
  std::string since = "1d";
  std::string changes;
  std::vector<std::string> command;
};

// Goes back by one calendar period, as between two elapses of OnCalendar=daily and so on: a month is not 30
// days.
bool go_back(std::tm& time, const std::string& word) {
  if (word == "hourly") return --time.tm_hour, true;
  if (word == "daily") return --time.tm_mday, true;
  if (word == "weekly") return time.tm_mday -= 7, true;
  if (word == "monthly") return --time.tm_mon, true;
  if (word == "quarterly") return time.tm_mon -= 3, true;
  if (word == "yearly") return --time.tm_year, true;
  return false;
}

std::uint64_t beginning(const std::string& span, std::uint64_t now) {
  const auto seconds = static_cast<std::time_t>(now / kSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  local.tm_isdst = -1;
  if (go_back(local, span)) return static_cast<std::uint64_t>(mktime(&local)) * kSecond;
  const auto parsed = parse_time_span(span);
  const auto length = parsed ? static_cast<std::uint64_t>(parsed->count()) * kSecond : 0;
  if (length == 0 || length >= now) {
    throw usage(fmt::format("--since {}: not a span of time", span),
                "for instance 12h, 1d, 30d, or daily, weekly, monthly");
  }
  return now - length;
}

// Passes the text to the recipient's command; an empty text is not sent.
void deliver(const std::vector<std::string>& command, const std::string& text) {
  if (text.empty()) return;
  if (command.empty()) return write_out(text);
  hand_over(command, text);
}

Happened happened_since(Context& context, const std::string& span) {
  Happened happened;
  happened.now = context.now();
  happened.since = beginning(span, happened.now);
  return happened;
}

void report(Context& context, const ReportOptions& options) {
  auto happened = happened_since(context, options.since);
  const auto status = watch_fleet(context);
  if (is_complete(status)) {
    const VariantMap filter{{"since", sdbus::Variant{happened.since}}};
    happened.jobs = list_pages(context.bus(), "ListJobs", filter, 0);
    happened.archives = list_pages(context.bus(), "ListArchives", filter, 0);
  } else {
    context.status = kUnreachable;
  }
  const auto record = report_of(status, happened);
  deliver(options.command, context.json ? json_text(record) : report_text(record));
}

Json::Value read_told(const std::string& path) {
  const auto text = read_file_if_any(path);
  Json::Value told;
  if (text.empty()) return told;
  std::istringstream stream(text);
  std::string problems;
  if (Json::parseFromStream(Json::CharReaderBuilder(), stream, &told, &problems) && told.isObject())
    return told;
  // It is better to report a problem twice than never.
  fmt::print(stderr, "cyborgctl: {} is not readable: everything that is wrong is new\n", printable(path));
  return {};
}

// When a repository host is down, a thousand lines say no more than a hundred.
std::string text_of(const std::vector<std::string>& lines) {
  constexpr std::size_t kMost = 100;
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < kMost; ++i) text += lines[i] + "\n";
  if (lines.size() > kMost) text += fmt::format("and {} more: see cyborgctl status\n", lines.size() - kMost);
  return text;
}

// Problems are recorded as told only after they were delivered: after an interruption they are told again,
// not lost.
void report_changes(Context& context, const ReportOptions& options) {
  const auto told = read_told(options.changes);
  const auto status = watch_fleet(context);
  const auto changes = changes_since(told, problems_of(status), is_complete(status), context.now());
  Json::Value list{Json::arrayValue};
  for (const auto& line : changes.lines) list.append(line);
  deliver(options.command, context.json && !list.empty() ? json_text(list) : text_of(changes.lines));
  if (changes.told != told) replace_file(options.changes, json_text(changes.told), 0600);
}

void metrics(Context& context, const std::string& output) {
  const auto status = watch_fleet(context);
  const auto text = metrics_text(status);
  if (output.empty()) {
    write_out(text);
  } else {
    replace_file(output, text, 0644);
  }
  if (status.isMember("unreachable")) throw Failure(kUnreachable, status["unreachable"].asString());
}

}  // namespace

void add_report_commands(CLI::App& app, Context& context) {
  auto& verb = *app.add_subcommand("report", "problems, and what happened, as text for a mail");
  const auto options = std::make_shared<ReportOptions>();
  auto* since = verb.add_option("--since", options->since,
                                "how far to look back: a span, or daily, weekly, monthly (default: 1d)");
  verb.add_option("--changes", options->changes,
                  "only changes since the last time, which are recorded in this file")
      ->excludes(since);
  verb.add_option("COMMAND", options->command,
                  "after --: a command that reads the text; not run if there is nothing to report");
  verb.callback([&context, options] {
    if (options->changes.empty()) return report(context, *options);
    report_changes(context, *options);
  });

  auto& numbers = *app.add_subcommand("metrics", "the state of the fleet, for Prometheus");
  const auto output = std::make_shared<std::string>();
  numbers.add_option("--output", *output, "replace this file, as for node_exporter's textfile collector");
  numbers.callback([&context, output] { metrics(context, *output); });
}

}  // namespace cyborg::client
