#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "client/commands.h"
#include "client/format/text.h"
#include "client/objects.h"

namespace cyborg::client {
namespace {

Json::Value fleet(Connection& bus) {
  const auto properties = bus.query<VariantMap>({names::kRootPath, "org.freedesktop.DBus.Properties"},
                                                "GetAll", std::string(names::kManagerInterface));
  auto status = with_snake_keys(to_json(properties));
  status["fleet"] = Json::Value(Json::arrayValue);
  for (const auto& row : bus.query<std::vector<VariantMap>>(manager(), "GetFleetStatus"))
    status["fleet"].append(with_snake_keys(to_json(row)));
  status["repositories"] = Json::Value(Json::arrayValue);
  for (const auto& row : bus.query<std::vector<VariantMap>>(manager(), "GetRepositoryStatus"))
    status["repositories"].append(with_snake_keys(to_json(row)));
  return status;
}

// What there is to say of a row, the worst first.
Cell note_of(const Json::Value& row) {
  const auto text = [&row](const char* key) { return printable(row[key].asString()); };
  if (!text("unusable").empty()) return {text("unusable"), Style::bad};
  if (!text("active_state").empty())
    return {fmt::format("job {} {}", row["active_job"].asUInt64(), text("active_state"))};
  if (row["late"].isBool() && row["late"].asBool()) return {"late", Style::attention};
  if (render("state", row["last_verify_state"], 0).style == Style::bad)
    return {text("last_verify_reason"), Style::bad};
  const bool well = text("last_end_state") == "successful" || text("last_end_state").empty();
  if (!well && !text("last_end_reason").empty()) return {text("last_end_reason")};
  return {};
}

// When it was last proven to restore; a verification since then that found otherwise is louder.
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

bool is_damaged(const Json::Value& row) {
  return row["damaged"].isUInt64() && row["damaged"].asUInt64() > 0;
}

bool is_overdue(const Json::Value& row) {
  return row["late"].isArray() && !row["late"].empty();
}

// What there is to say of a repository, the worst first.
Cell repository_note(const Json::Value& row) {
  if (is_damaged(row)) return {fmt::format("damaged: job {}", row["damaged_job"].asUInt64()), Style::bad};
  if (row["missing"].asUInt64() > 0) {
    return {fmt::format("{} archives are missing", row["missing"].asUInt64()), Style::bad};
  }
  if (is_overdue(row)) return {"late: " + render("late", row["late"], 0).text, Style::attention};
  for (const char* kind : {"check", "verify", "prune", "compact"}) {
    const auto state = render("state", row[fmt::format("{}_state", kind)], 0);
    if (state.style != Style::bad) continue;
    return {fmt::format("{}: {}", kind, printable(row[fmt::format("{}_reason", kind)].asString()))};
  }
  if (row["foreign"].asUInt64() > 0) return {fmt::format("{} foreign archives", row["foreign"].asUInt64())};
  return {};
}

std::string repository_table(const Json::Value& rows, std::uint64_t now, bool colour) {
  Table table({"REPOSITORY", "CLIENT", "LAST CHECK", "LAST PRUNE", "LAST COMPACT", "NEXT CHECK", "NOTE"});
  for (const auto& row : rows) {
    table.add({render("repository", row["repository"], now), render("client", row["client"], now),
               render("last_check", row["last_check"], now), render("last_prune", row["last_prune"], now),
               render("last_compact", row["last_compact"], now), render("next_check", row["next_check"], now),
               repository_note(row)});
  }
  return table.text(colour);
}

struct Counts {
  std::ptrdiff_t unprotected, failed, late;  // backups
  std::ptrdiff_t damaged, lacking, overdue;  // repositories

  bool all_well() const { return unprotected + failed + late + damaged + lacking + overdue == 0; }
};

Counts count(const Json::Value& status) {
  const auto count_of = [](const Json::Value& rows, auto matches) {
    return std::ranges::count_if(rows, matches);
  };
  const auto& backups = status["fleet"];
  const auto& repositories = status["repositories"];
  return {
      count_of(backups, [](const Json::Value& row) { return row["last_success"].asUInt64() == 0; }),
      count_of(backups,
               [](const Json::Value& row) {
                 return render("state", row["last_end_state"], 0).style == Style::bad;
               }),
      count_of(backups, [](const Json::Value& row) { return row["late"].isBool() && row["late"].asBool(); }),
      count_of(repositories, is_damaged),
      count_of(repositories, [](const Json::Value& row) { return row["missing"].asUInt64() > 0; }),
      count_of(repositories, is_overdue)};
}

std::string summary(const Json::Value& status, bool colour) {
  const Counts counts = count(status);
  const auto database = printable(status["database_state"].asString());
  const auto number = [colour](auto value, const char* word) {
    return styled(fmt::format("{} {}", value, word), value > 0 ? Style::bad : Style::plain, colour);
  };
  return aligned_pairs(
      {{"cyborgd", {printable(status["version"].asString())}},
       {"Database", {database, database == "available" ? Style::good : Style::bad}},
       {"Jobs", {fmt::format("{} running", status["running_jobs"].asUInt64())}},
       {"Backups",
        {fmt::format("{} in all, {}, {}, {}", status["fleet"].size(),
                     number(counts.unprotected, "never succeeded"),
                     number(counts.failed, "failed the last time"), number(counts.late, "late"))}},
       {"Repositories",
        {fmt::format("{} in all, {}, {}, {}", status["repositories"].size(),
                     number(counts.damaged, "damaged"),
                     number(counts.lacking, "without archives they should have"),
                     number(counts.overdue, "with late upkeep"))}}},
      colour);
}

void show(Context& context, bool check) {
  const auto status = fleet(context.bus());
  if (check && !count(status).all_well()) context.status = kFailed;
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
  auto& verb = *app.add_subcommand("status", "the whole fleet: what is protected, late, failed, running");
  const auto check = std::make_shared<bool>(false);
  verb.add_flag("--check", *check, "exit status 1 unless all backups and repositories are as they should be");
  verb.callback([&context, check] { show(context, *check); });
}

}  // namespace cyborg::client
