// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <map>
#include <tuple>

#include "client/format/text.h"
#include "core/job_state.h"

namespace cyborg::client {
namespace {

constexpr std::size_t kLongestList = 50;  // in text; JSON has all
constexpr std::size_t kGrowers = 5;
constexpr std::uint64_t kSecond = 1'000'000;

using Names = std::tuple<std::string, std::string, std::string>;  // policy, client, repository

std::uint64_t number(const Json::Value& record, const char* key) {
  return record[key].isUInt64() ? record[key].asUInt64() : 0;
}
std::string text(const Json::Value& record, const char* key) {
  return record[key].isString() ? record[key].asString() : std::string{};
}
void add(Json::Value& sum, std::uint64_t value) {
  sum = Json::UInt64((sum.isUInt64() ? sum.asUInt64() : 0) + value);
}

// The day in the local time zone.
std::string day_of(std::uint64_t time) {
  const auto seconds = static_cast<std::time_t>(time / kSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  char buffer[16];
  return {buffer, std::strftime(buffer, sizeof buffer, "%F", &local)};
}

// All days from one to the other, stepping from noon to noon, so that no change to summer time skips a day.
std::vector<std::string> days_between(std::uint64_t since, std::uint64_t now) {
  std::vector<std::string> days;
  const auto seconds = static_cast<std::time_t>(since / kSecond);
  std::tm local{};
  localtime_r(&seconds, &local);
  local.tm_hour = 12;
  local.tm_min = local.tm_sec = 0;
  const auto last = day_of(now);
  for (std::string day = day_of(since); day <= last;
       day = day_of(static_cast<std::uint64_t>(mktime(&local)) * kSecond)) {
    days.push_back(day);
    ++local.tm_mday;
    local.tm_isdst = -1;
  }
  return days;
}

// The column of the table of days in which a result is counted.
const char* outcome_of(const std::string& state) {
  if (state == "successful") return "successful";
  if (state == "warning") return "warnings";
  return is_bad(state) || state == "skipped" ? "failed" : nullptr;
}

Json::Value day_record(const std::string& date) {
  Json::Value day{Json::objectValue};
  day["date"] = date;
  for (const char* key : {"successful", "warnings", "failed", "new_size"}) day[key] = Json::UInt64(0);
  return day;
}

// Collects the events as parts of the report.
class Sums {
 public:
  explicit Sums(const Happened& happened) {
    for (const auto& date : days_between(happened.since, happened.now)) days_[date] = day_record(date);
    for (const char* key : {"count", "original_size", "new_size"}) archives_[key] = Json::UInt64(0);
    for (const auto& job : happened.jobs) add_job(job);
    for (const auto& archive : happened.archives) add_archive(archive);
  }

  void take(Json::Value& report) {
    report["jobs"] = std::move(jobs_);
    report["unsuccessful"] = std::move(unsuccessful_);
    report["archives"] = std::move(archives_);
    report["growers"] = growers();
    report["days"] = Json::Value{Json::arrayValue};
    for (auto& [date, day] : days_) report["days"].append(std::move(day));
  }

 private:
  void add_job(const Json::Value& job) {
    const auto state = text(job, "state");
    const auto ended = number(job, "finished");
    add(jobs_[text(job, "kind")][state], 1);
    if (ended == 0) return;
    if (!is_good(state)) unsuccessful_.append(job);
    if (text(job, "kind") != "backup") return;
    backups_[number(job, "id")] = ended;
    if (const char* outcome = outcome_of(state)) add_on(ended, outcome, 1);
  }

  void add_archive(const Json::Value& archive) {
    // Imported archives are not new.
    const auto backup = backups_.find(number(archive, "job"));
    if (backup == backups_.end()) return;
    const auto fresh = number(archive, "deduplicated_size");
    add(archives_["count"], 1);
    add(archives_["original_size"], number(archive, "original_size"));
    add(archives_["new_size"], fresh);
    grown_[{text(archive, "policy"), text(archive, "client"), text(archive, "repository")}] += fresh;
    add_on(backup->second, "new_size", fresh);
  }

  void add_on(std::uint64_t time, const char* key, std::uint64_t value) {
    if (const auto day = days_.find(day_of(time)); day != days_.end()) add(day->second[key], value);
  }

  Json::Value growers() const {
    std::vector<std::pair<std::uint64_t, Names>> order;
    for (const auto& [names, size] : grown_) order.emplace_back(size, names);
    std::ranges::stable_sort(order, std::greater<>{}, [](const auto& entry) { return entry.first; });
    if (order.size() > kGrowers) order.resize(kGrowers);
    Json::Value list{Json::arrayValue};
    for (const auto& [size, names] : order) {
      auto& grower = list.append(Json::objectValue);
      std::tie(grower["policy"], grower["client"], grower["repository"]) = names;
      grower["new_size"] = Json::UInt64(size);
    }
    return list;
  }

  Json::Value jobs_{Json::objectValue}, unsuccessful_{Json::arrayValue}, archives_{Json::objectValue};
  std::map<std::string, Json::Value> days_;
  std::map<std::uint64_t, std::uint64_t> backups_;  // job to the time of its end
  std::map<Names, std::uint64_t> grown_;
};

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string headline(const Json::Value& report) {
  const auto& problems = report["troubles"];
  if (problems.empty()) {
    return fmt::format("all is well: {}, {}", counted(number(report, "backups"), "backup", "backups"),
                       counted(report["repositories"].size(), "repository", "repositories"));
  }
  const auto more = problems.size() > 1 ? fmt::format(" (and {} more)", problems.size() - 1) : std::string{};
  return printable(text(problems[0], "text")) + more;
}

// Lists at most this many lines, and says if there are more.
template <typename Line>
std::string listed(const std::string& title, const Json::Value& list, Line line) {
  if (list.empty()) return {};
  std::string result = fmt::format("\n{}:\n", title);
  for (Json::ArrayIndex i = 0; i < list.size() && i < kLongestList; ++i) result += line(list[i]);
  if (list.size() > kLongestList) result += fmt::format("  and {} more\n", list.size() - kLongestList);
  return result;
}

std::string log_hint(std::uint64_t job) {
  return job == 0 ? std::string{} : fmt::format("      cyborgctl job log {}\n", job);
}

std::string problem_line(const Json::Value& problem) {
  return fmt::format("  {}\n", printable(text(problem, "text"))) + log_hint(number(problem, "job"));
}

std::string job_line(const Json::Value& job) {
  const auto name = [&job](const char* key) { return printable(text(job, key)); };
  std::string of = name("client").empty() ? name("repository") : name("client");
  if (!name("policy").empty()) of += ", policy " + name("policy");
  const auto reason = ellipsize(name("reason"), 300);
  return fmt::format("  {} of {}: {}{}\n", name("kind"), of, name("state"),
                     reason.empty() ? "" : ": " + reason) +
         log_hint(number(job, "id"));
}

std::string kinds_text(const Json::Value& jobs) {
  std::string result;
  for (const auto& kind : jobs.getMemberNames()) {
    std::string states;
    for (const auto& state : jobs[kind].getMemberNames()) {
      states += fmt::format("{}{} {}", states.empty() ? "" : ", ", number(jobs[kind], state.c_str()), state);
    }
    result += fmt::format("  {}: {}\n", printable(kind), states);
  }
  return result.empty() ? "  no jobs\n" : result;
}

std::string archives_text(const Json::Value& report) {
  const auto& sums = report["archives"];
  if (number(sums, "count") == 0) return {};
  auto result =
      fmt::format("\n{}: {} read, {} of it new\n", counted(number(sums, "count"), "archive", "archives"),
                  human_size(number(sums, "original_size")), human_size(number(sums, "new_size")));
  for (const auto& grower : report["growers"]) {
    result += fmt::format("  {} of it by {}, policy {}\n", human_size(number(grower, "new_size")),
                          printable(text(grower, "client")), printable(text(grower, "policy")));
  }
  return result;
}

// "1.5 GiB more", "300.0 MiB less"; empty if unknown.
std::string growth(const Json::Value& row, const char* before, const char* when) {
  const auto size = number(row, "size");
  const auto old = number(row, before);
  if (size == 0 || old == 0) return {};
  return fmt::format(", {} {} than {}", human_size(size > old ? size - old : old - size),
                     size >= old ? "more" : "less", when);
}

std::string repositories_text(const Json::Value& report) {
  Json::Value known{Json::arrayValue};
  for (const auto& row : report["repositories"]) {
    if (number(row, "size") > 0) known.append(row);
  }
  return listed("Borg repositories", known, [](const Json::Value& row) {
    const auto client = printable(text(row, "client"));
    return fmt::format("  {}{}: {}{}{}\n", printable(text(row, "repository")),
                       client.empty() ? "" : " of " + client, human_size(number(row, "size")),
                       growth(row, "size_week_ago", "a week ago"),
                       growth(row, "size_month_ago", "30 days ago"));
  });
}

std::string days_text(const Json::Value& days) {
  if (days.size() <= 2) return {};
  std::uint64_t most = 1;
  for (const auto& day : days) most = std::max(most, number(day, "new_size"));
  Table table({"DAY", "SUCCESSFUL", "WARNINGS", "FAILED", "NEW", ""});
  for (const auto& day : days) {
    const auto fresh = number(day, "new_size");
    const auto width = (fresh * 30 + most - 1) / most;
    const auto cell = [&day](const char* key) { return Cell{std::to_string(number(day, key))}; };
    table.add({{text(day, "date")},
               cell("successful"),
               cell("warnings"),
               cell("failed"),
               {human_size(fresh)},
               {std::string(width, '#')}});
  }
  return "\nBackups by day:\n" + table.text(false);
}

}  // namespace

Json::Value report_of(const Json::Value& status, const Happened& happened) {
  Json::Value report{Json::objectValue};
  report["since"] = Json::UInt64(happened.since);
  report["until"] = Json::UInt64(happened.now);
  for (const char* key : {"version", "database_state"}) report[key] = text(status, key);
  report["complete"] = is_complete(status);
  report["backups"] = Json::UInt64(status["fleet"].size());
  report["troubles"] = Json::Value{Json::arrayValue};
  for (const auto& problem : problems_of(status)) report["troubles"].append(problem.to_json());
  report["repositories"] = Json::Value{Json::arrayValue};
  for (const auto& row : status["repositories"]) {
    auto& repository = report["repositories"].append(Json::objectValue);
    for (const char* key : {"repository", "client"}) repository[key] = row[key];
    for (const char* key : {"size", "size_week_ago", "size_month_ago"}) {
      repository[key] = Json::UInt64(number(row, key));
    }
  }
  Sums(happened).take(report);
  return report;
}

std::string report_text(const Json::Value& report) {
  std::string result = headline(report) + "\n";
  result += listed("Wrong now", report["troubles"], problem_line);
  if (!report["complete"].asBool()) return result;
  result += fmt::format("\nSince {}:\n", human_time(number(report, "since"))) + kinds_text(report["jobs"]);
  result += listed("Did not succeed", report["unsuccessful"], job_line);
  result += archives_text(report);
  result += days_text(report["days"]);
  return result + repositories_text(report);
}

}  // namespace cyborg::client
