#include <fmt/format.h>

#include <algorithm>

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

std::string summary(const Json::Value& status, bool colour) {
  const auto& rows = status["fleet"];
  const auto count = [&rows](auto matches) { return std::ranges::count_if(rows, matches); };
  const auto unprotected = count([](const Json::Value& row) { return row["last_success"].asUInt64() == 0; });
  const auto failed = count(
      [](const Json::Value& row) { return render("state", row["last_end_state"], 0).style == Style::bad; });
  const auto database = printable(status["database_state"].asString());
  const auto number = [colour](auto value, const char* word) {
    return styled(fmt::format("{} {}", value, word), value > 0 ? Style::bad : Style::plain, colour);
  };
  return aligned_pairs(
      {{"cyborgd", {printable(status["version"].asString())}},
       {"Database", {database, database == "available" ? Style::good : Style::bad}},
       {"Jobs", {fmt::format("{} running", status["running_jobs"].asUInt64())}},
       {"Backups",
        {fmt::format("{} in all, {}, {}", rows.size(), number(unprotected, "never succeeded"),
                     number(failed, "failed the last time"))}}},
      colour);
}

}  // namespace

void add_status_command(CLI::App& app, Context& context) {
  app.add_subcommand("status", "the whole fleet: what is protected, late, failed, running")
      ->callback([&context] {
        const auto status = fleet(context.bus());
        if (context.json) return context.print_json(status);
        const auto table = fleet_table(status["fleet"], context.now(), context.colour());
        context.print(summary(status, context.colour()) + (table.empty() ? "" : "\n" + table));
      });
}

}  // namespace cyborg::client
