// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/format/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "client/format/text.h"
#include "core/job_kind.h"
#include "core/job_state.h"

namespace cyborg::client {
namespace {

constexpr std::array<std::string_view, 10> kWords{"unreachable", "database", "damaged", "missing", "failed",
                                                  "unprotected", "unproven", "upkeep",  "late",    "overdue"};

// Messages from other programs are cut before they fill a screen, or a line of a mail.
constexpr std::size_t kLongestReason = 300;

std::string text_of(const Json::Value& row, const char* key) {
  return row[key].isString() ? ellipsize(printable(row[key].asString()), kLongestReason) : std::string{};
}

std::uint64_t number_of(const Json::Value& row, const std::string& key) {
  return row[key].isUInt64() ? row[key].asUInt64() : 0;
}

// "failed", "could not run", "was skipped"
std::string_view verb_of(const std::string& state) {
  if (state == "error") return "could not run";
  return state == "skipped" ? "was skipped" : "failed";
}

std::string because(const std::string& reason) {
  return reason.empty() ? std::string{} : ": " + reason;
}

class Judgement {
 public:
  explicit Judgement(const Json::Value& row)
      : policy_(text_of(row, "policy")),
        client_(text_of(row, "client")),
        repository_(text_of(row, "repository")) {}

  Problem& add(ProblemKind kind, std::string note, const std::string& sentence, std::uint64_t job = 0) {
    Problem& problem = problems_.emplace_back();
    problem.kind = kind;
    problem.policy = policy_;
    problem.client = client_;
    problem.repository = repository_;
    problem.note = std::move(note);
    problem.text = fmt::format("{}: {}", subject(), sentence);
    problem.job = job;
    return problem;
  }

  std::vector<Problem> take() {
    std::ranges::stable_sort(problems_, {}, &Problem::kind);
    return std::move(problems_);
  }

 private:
  std::string subject() const {
    if (!policy_.empty()) return fmt::format("{}, policy {} to {}", client_, policy_, repository_);
    return client_.empty() ? "repository " + repository_
                           : fmt::format("repository {} of {}", repository_, client_);
  }

  std::string policy_, client_, repository_;
  std::vector<Problem> problems_;
};

void judge_maintenance(Judgement& judgement, const Json::Value& row, const std::string& kind) {
  const auto state = text_of(row, (kind + "_state").c_str());
  if (!is_bad(state)) return;
  const auto job = number_of(row, kind + "_job");
  const auto reason = text_of(row, (kind + "_reason").c_str());
  judgement
      .add(ProblemKind::maintenance, fmt::format("{}: {}", kind, reason),
           fmt::format("{} {} (job {}){}", kind, verb_of(state), job, because(reason)), job)
      .what = kind;
}

Problem of_all(ProblemKind kind, const std::string& text) {
  Problem problem;
  problem.kind = kind;
  problem.note = problem.text = ellipsize(printable(text), kLongestReason);
  return problem;
}

}  // namespace

std::string_view to_string(ProblemKind kind) {
  return kWords.at(static_cast<std::size_t>(kind));
}

std::vector<ProblemKind> all_problem_kinds() {
  std::vector<ProblemKind> result;
  for (std::size_t i = 0; i < kWords.size(); ++i) result.push_back(static_cast<ProblemKind>(i));
  return result;
}

std::string Problem::key() const {
  return fmt::format("{} policy={} client={} repository={} {}", to_string(kind), policy, client, repository,
                     what);
}

Json::Value Problem::to_json() const {
  Json::Value json{Json::objectValue};
  json["kind"] = std::string(to_string(kind));
  json["policy"] = policy;
  json["client"] = client;
  json["repository"] = repository;
  json["what"] = what;
  json["text"] = text;
  json["job"] = Json::UInt64(job);
  return json;
}

std::vector<Problem> backup_problems(const Json::Value& row) {
  Judgement judgement(row);
  const auto success = number_of(row, "last_success");
  const auto state = text_of(row, "last_end_state");
  // A skipped job is no backup either: its predecessor did not succeed.
  if (is_bad(state) || state == "skipped") {
    const auto reason = text_of(row, "last_end_reason");
    const auto job = number_of(row, "last_end_job");
    judgement.add(ProblemKind::failed, reason.empty() ? std::string(verb_of(state)) : reason,
                  fmt::format("backup {} (job {}){}", verb_of(state), job, because(reason)), job);
  }
  if (success == 0) {
    judgement.add(ProblemKind::unprotected, "", "no backup has ever succeeded").fresh =
        number_of(row, "last_end") == 0;
  }
  if (row["late"].isBool() && row["late"].asBool()) {
    judgement.add(ProblemKind::late, "late",
                  fmt::format("backup is late, the last was {}", human_time(success)));
  }
  if (const auto verified = text_of(row, "last_verify_state"); is_bad(verified)) {
    const auto reason = text_of(row, "last_verify_reason");
    const auto job = number_of(row, "last_verify_job");
    judgement.add(ProblemKind::unproven, reason,
                  fmt::format("verification {} (job {}){}", verb_of(verified), job, because(reason)), job);
  }
  return judgement.take();
}

std::vector<Problem> repository_problems(const Json::Value& row) {
  Judgement judgement(row);
  if (const auto since = number_of(row, "damaged"); since > 0) {
    const auto job = number_of(row, "damaged_job");
    judgement.add(ProblemKind::damaged, fmt::format("damaged: job {}", job),
                  fmt::format("damaged, as job {} found {}", job, human_time(since)), job);
  }
  if (const auto missing = number_of(row, "missing"); missing > 0) {
    judgement.add(ProblemKind::missing, fmt::format("{} archives are missing", missing),
                  fmt::format("{} archives are missing that it should have", missing));
  }
  // Verifications are judged together with the backups that they verify.
  for (const auto& kind : kJobKinds) {
    if (kind.is_maintenance) judge_maintenance(judgement, row, kind.name);
  }
  for (const auto& late : row["late"]) {
    if (!late.isString()) continue;
    const auto what = printable(late.asString());
    judgement.add(ProblemKind::overdue, "late: " + what, what + " is overdue").what = what;
  }
  return judgement.take();
}

bool is_complete(const Json::Value& status) {
  return !status.isMember("unreachable") && status["fleet"].isArray() && status["repositories"].isArray();
}

std::vector<Problem> problems_of(const Json::Value& status) {
  std::vector<Problem> all;
  const auto database = status["database_state"].asString();
  if (status.isMember("unreachable")) {
    all.push_back(of_all(ProblemKind::unreachable, status["unreachable"].asString()));
  } else if (database != "available" || !is_complete(status)) {
    all.push_back(of_all(ProblemKind::database, "cyborgd has no database: " + database));
  }
  const auto take = [&all](const Json::Value& rows, auto judge) {
    for (const auto& row : rows) std::ranges::move(judge(row), std::back_inserter(all));
  };
  take(status["fleet"], backup_problems);
  take(status["repositories"], repository_problems);
  std::ranges::stable_sort(all, {}, &Problem::kind);
  return all;
}

std::map<ProblemKind, std::size_t> count_problems(const std::vector<Problem>& problems) {
  std::map<ProblemKind, std::size_t> counts;
  for (const ProblemKind kind : all_problem_kinds()) counts[kind] = 0;
  for (const auto& problem : problems) ++counts[problem.kind];
  return counts;
}

}  // namespace cyborg::client
