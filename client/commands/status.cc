// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <memory>

#include "client/bus/fleet.h"
#include "client/commands/commands.h"
#include "client/format/problem.h"
#include "client/format/text.h"

namespace cyborg::client {
namespace {

// The most severe problem of a row.
Cell note_of(const Json::Value& row) {
  const auto text = [&row](const char* key) { return printable(row[key].asString()); };
  if (!text("unusable").empty()) return {text("unusable"), Style::bad};
  if (!text("active_state").empty())
    return {fmt::format("job {} {}", row["active_job"].asUInt64(), text("active_state"))};
  for (const auto& problem : backup_problems(row)) {
    // The state beside it shows a failed backup, and another column a missing one.
    if (!problem.note.empty())
      return {problem.note, problem.kind == ProblemKind::failed ? Style::plain : problem.style()};
  }
  if (text("last_end_state") != "successful" && !text("last_end_reason").empty())
    return {text("last_end_reason")};
  return {};
}

// The last successful verification, or a failed one since then.
Cell proven_cell(const Json::Value& row, std::uint64_t now) {
  const auto state = render("state", row["last_verify_state"], now);
  if (state.style == Style::bad) return {"verification " + state.text, Style::bad};
  if (row["last_proven"].asUInt64() == 0) return {"never", Style::attention};
  auto cell = render("last_proven", row["last_proven"], now);
  if (row["last_proven_how"].asString() == "readable") cell.text += ", readable";
  return cell;
}

std::string fleet_table(const Json::Value& rows, std::uint64_t now, bool colour) {
  Table table(
      {"CLIENT", "POLICY", "REPOSITORY", "LAST SUCCESS", "PROVEN", "LAST RUN", "RESULT", "NEXT", "NOTE"});
  for (const auto& row : rows) {
    auto success = render("last_success", row["last_success"], now);
    if (row["last_success"].asUInt64() == 0) success = {"never", Style::bad};
    table.add({render("client", row["client"], now), render("policy", row["policy"], now),
               render("repository", row["repository"], now), success, proven_cell(row, now),
               render("last_end", row["last_end"], now), render("last_end_state", row["last_end_state"], now),
               render("next_elapse", row["next_elapse"], now), note_of(row)});
  }
  return table.text(colour);
}

// The most severe problem of a repository.
Cell repository_note(const Json::Value& row) {
  const auto problems = repository_problems(row);
  if (!problems.empty()) return {problems.front().note, problems.front().style()};
  if (row["foreign"].asUInt64() > 0) return {fmt::format("{} foreign archives", row["foreign"].asUInt64())};
  return {};
}

std::string repository_table(const Json::Value& rows, std::uint64_t now, bool colour) {
  Table table(
      {"REPOSITORY", "CLIENT", "SIZE", "LAST CHECK", "LAST PRUNE", "LAST COMPACT", "NEXT CHECK", "NOTE"});
  for (const auto& row : rows) {
    auto size = render("size", row["size"], now);
    if (row["size"].asUInt64() == 0) size = {"-", Style::faint};
    table.add({render("repository", row["repository"], now), render("client", row["client"], now), size,
               render("last_check", row["last_check"], now), render("last_prune", row["last_prune"], now),
               render("last_compact", row["last_compact"], now), render("next_check", row["next_check"], now),
               repository_note(row)});
  }
  return table.text(colour);
}

std::string summary(const Json::Value& status, bool colour) {
  const auto counts = count_problems(problems_of(status));
  const auto database = printable(status["database_state"].asString());
  const auto number = [&](ProblemKind kind, const char* word) {
    const auto count = counts.at(kind);
    return styled(fmt::format("{} {}", count, word), count > 0 ? Style::bad : Style::plain, colour);
  };
  return aligned_pairs(
      {{"cyborgd", {printable(status["version"].asString())}},
       {"Database", {database, database == "available" ? Style::good : Style::bad}},
       {"Jobs", {fmt::format("{} running", status["running_jobs"].asUInt64())}},
       {"Backups",
        {fmt::format("{} in all, {}, {}, {}, {}", status["fleet"].size(),
                     number(ProblemKind::unprotected, "never succeeded"),
                     number(ProblemKind::failed, "failed the last time"), number(ProblemKind::late, "late"),
                     number(ProblemKind::unproven, "with a failed verification"))}},
       {"Repositories",
        {fmt::format("{} in all, {}, {}, {}, {}", status["repositories"].size(),
                     number(ProblemKind::damaged, "damaged"),
                     number(ProblemKind::missing, "without archives they should have"),
                     number(ProblemKind::maintenance, "with failed upkeep"),
                     number(ProblemKind::overdue, "with late upkeep"))}}},
      colour);
}

void show(Context& context, bool check) {
  const auto status = ask_fleet(context);
  if (check && !problems_of(status).empty()) context.status = kFailed;
  if (context.json) return context.print_json(status);
  const bool colour = context.colour();
  std::string text = summary(status, colour);
  for (const auto& table : {fleet_table(status["fleet"], context.now(), colour),
                            repository_table(status["repositories"], context.now(), colour)}) {
    if (!table.empty()) text += "\n" + table;
  }
  context.print(text);
}

}  // namespace

void add_status_command(CLI::App& app, Context& context) {
  auto& verb = *app.add_subcommand("status", "the whole fleet: protected, late, failed and running backups");
  const auto check = std::make_shared<bool>(false);
  verb.add_flag("--check", *check, "exit status 1 if there is any problem with backups or repositories");
  verb.callback([&context, check] { show(context, *check); });
}

}  // namespace cyborg::client
