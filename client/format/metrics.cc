// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/metrics.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "client/format/problem.h"
#include "core/job_kind.h"
#include "core/job_state.h"

namespace cyborg::client {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string escaped(std::string_view value) {
  std::string result;
  for (const char c : value) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result;
}

std::string written(const Labels& labels) {
  std::string result;
  for (const auto& [name, value] : labels) {
    result += fmt::format("{}{}=\"{}\"", result.empty() ? "" : ",", name, escaped(value));
  }
  return result.empty() ? result : "{" + result + "}";
}

// A metric, followed by its samples. Two samples with the same labels would make the whole file invalid.
class Gauge {
 public:
  Gauge(std::string name, std::string help) : name_("cyborg_" + std::move(name)), help_(std::move(help)) {}

  void add(const Labels& labels, const std::string& value) {
    const auto text = written(labels);
    if (seen_.insert(text).second) samples_ += fmt::format("{}{} {}\n", name_, text, value);
  }
  std::string text() const {
    if (samples_.empty()) return {};
    return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{2}", name_, help_, samples_);
  }

 private:
  std::string name_, help_, samples_;
  std::set<std::string> seen_;
};

std::string text(const Json::Value& row, const char* key) {
  return row[key].isString() ? row[key].asString() : std::string{};
}

enum class Unit { plain, time };  // time: microseconds, written as seconds; 0 means never, and gets no sample

std::string value_of(std::uint64_t value, Unit unit) {
  if (unit == Unit::plain) return std::to_string(value);
  return fmt::format("{}.{:06}", value / 1'000'000, value % 1'000'000);
}

// Writes a number from each row, labelled by these names of the row.
std::string rows_text(const Json::Value& rows, const std::vector<const char*>& names,
                      const std::string& metric, const char* key, const std::string& help,
                      Unit unit = Unit::plain) {
  Gauge gauge(metric, help);
  for (const auto& row : rows) {
    const Json::Value& number = row[key];
    const auto value = number.isBool()     ? std::uint64_t{number.asBool()}
                       : number.isUInt64() ? number.asUInt64()
                                           : 0;
    if (unit == Unit::time && value == 0) continue;
    Labels labels;
    for (const char* name : names) labels.emplace_back(name, text(row, name));
    gauge.add(labels, value_of(value, unit));
  }
  return gauge.text();
}

std::string one(const std::string& metric, const std::string& help, std::uint64_t value,
                const Labels& labels = {}) {
  Gauge gauge(metric, help);
  gauge.add(labels, std::to_string(value));
  return gauge.text();
}

std::string backups_text(const Json::Value& fleet) {
  const auto rows = [&](const char* metric, const char* key, const char* help, Unit unit = Unit::plain) {
    return rows_text(fleet, {"policy", "client", "repository"}, std::string("backup_") + metric, key, help,
                     unit);
  };
  Gauge state("backup_last_end_state", "How the last backup ended, as the label state.");
  Gauge unproven("backup_verification_failed", "Whether the last verification did not succeed.");
  for (const auto& row : fleet) {
    Labels labels{{"policy", text(row, "policy")},
                  {"client", text(row, "client")},
                  {"repository", text(row, "repository")}};
    const auto verified = text(row, "last_verify_state");
    unproven.add(labels, is_bad(verified) ? "1" : "0");
    labels.emplace_back("state", text(row, "last_end_state"));
    if (!labels.back().second.empty()) state.add(labels, "1");
  }
  return rows("last_success_timestamp_seconds", "last_success", "When a backup last succeeded.", Unit::time) +
         rows("last_end_timestamp_seconds", "last_end", "When a backup last ended.", Unit::time) +
         state.text() +
         rows("proven_timestamp_seconds", "last_proven", "When an archive was last proven to restore.",
              Unit::time) +
         unproven.text() + rows("late", "late", "Whether the backup is late.") +
         rows("next_elapse_timestamp_seconds", "next_elapse", "When the next one is scheduled.", Unit::time) +
         rows("original_size_bytes", "original_size",
              "Size of the data that the last successful backup has read.") +
         rows("deduplicated_size_bytes", "deduplicated_size", "New data of the last successful backup.");
}

// The kinds for which a repository's record has the last success.
std::vector<const char*> maintained_kinds() {
  std::vector<const char*> names;
  for (const auto& kind : kJobKinds) {
    if (kind.status == StatusKept::of_maintenance) names.push_back(kind.name);
  }
  return names;
}

std::string repositories_text(const Json::Value& repositories) {
  const auto rows = [&](const std::string& metric, const std::string& key, const std::string& help,
                        Unit unit = Unit::plain) {
    return rows_text(repositories, {"repository", "client"}, "repository_" + metric, key.c_str(), help, unit);
  };
  Gauge damaged("repository_damaged", "Whether a check has found damage.");
  Gauge size("repository_size_bytes", "Size of all archives in the borg repository together.");
  Gauge overdue("repository_overdue", "Overdue upkeep, by kind.");
  for (const auto& row : repositories) {
    const Labels labels{{"repository", text(row, "repository")}, {"client", text(row, "client")}};
    damaged.add(labels, row["damaged"].isUInt64() && row["damaged"].asUInt64() > 0 ? "1" : "0");
    if (row["size"].isUInt64() && row["size"].asUInt64() > 0)
      size.add(labels, std::to_string(row["size"].asUInt64()));
    // "prune of policy etc on web" counts as a prune.
    std::map<std::string, int> late;
    for (const char* kind : maintained_kinds()) late[kind] = 0;
    for (const auto& what : row["late"]) ++late[what.asString().substr(0, what.asString().find(' '))];
    for (const auto& [kind, count] : late) {
      auto with_kind = labels;
      with_kind.emplace_back("kind", kind);
      overdue.add(with_kind, std::to_string(count));
    }
  }
  std::string result = damaged.text() + size.text() + overdue.text() +
                       rows("missing_archives", "missing", "Archives that are missing from it.") +
                       rows("foreign_archives", "foreign", "Archives that cyborgd did not make.");
  for (const char* kind : maintained_kinds()) {
    result += rows(fmt::format("last_{}_timestamp_seconds", kind), fmt::format("last_{}", kind),
                   fmt::format("When the last successful {} ended.", kind), Unit::time);
  }
  return result;
}

std::string troubles_text(const Json::Value& status) {
  Gauge gauge("troubles", "Current problems as in cyborgctl report, by kind.");
  for (const auto& [kind, count] : count_problems(problems_of(status)))
    gauge.add({{"kind", std::string(to_string(kind))}}, std::to_string(count));
  return gauge.text();
}

}  // namespace

std::string metrics_text(const Json::Value& status) {
  const bool up = !status.isMember("unreachable");
  auto result = one("up", "Whether cyborgd answers.", up ? 1 : 0) + troubles_text(status);
  if (!up) return result;
  result += one("info", "The version of cyborgd.", 1, {{"version", text(status, "version")}}) +
            one("database_up", "Whether cyborgd has its database.",
                text(status, "database_state") == "available" ? 1 : 0) +
            one("running_jobs", "Jobs that are starting or running.",
                status["running_jobs"].isUInt64() ? status["running_jobs"].asUInt64() : 0);
  return result + backups_text(status["fleet"]) + repositories_text(status["repositories"]);
}

}  // namespace cyborg::client
