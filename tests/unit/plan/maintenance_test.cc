// SPDX-License-Identifier: GPL-3.0-or-later
// Maintenance of repositories: its schedules, what is due, and what a damaged repository prevents.
#include "plan/maintenance.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plan/properties.h"
#include "unit/json_text.h"
#include "unit/plan/fleet.h"

namespace cyborg {
namespace {

using namespace test;

constexpr const char* kUrl = "u@vault:/srv/a";

const ScheduledMaintenance& maintenance(JobKind kind) {
  return *std::ranges::find(maintenance_table(), kind, &ScheduledMaintenance::kind);
}

TEST(Maintenance, IsAPropertyOfTheRepository) {
  const auto changed = apply_repository(repository("vault", "u@vault:/srv/{client}"),
                                        json(R"({"check_schedule": "nightly", "compact_schedule": "nightly",
                                                 "check_max_duration": "1h 30min"})"),
                                        false);
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->check_schedule, "nightly");
  EXPECT_EQ(changed->compact_schedule, "nightly");
  EXPECT_EQ(changed->check_max_duration_seconds, std::chrono::seconds{5400});
  EXPECT_TRUE(check_repository_relations(fleet(), *changed));
  const auto emptied = apply_repository(*changed, json(R"({"check_schedule": ""})"), false);
  ASSERT_TRUE(emptied);
  EXPECT_EQ(emptied->check_schedule, "");
}

TEST(Maintenance, RefusesWhatMakesNoSense) {
  for (const auto& [text, part] :
       {std::pair{R"({"check_schedule": "No Name"})", "No Name"},
        {R"({"check_max_duration": "soon"})", "soon"},
        {R"({"check_verify_data": true, "check_max_duration": "1h"})", "check_max_duration"}}) {
    const auto changed = apply_repository(repository("vault", "/srv/x/y"), json(text), false);
    ASSERT_FALSE(changed) << text;
    EXPECT_NE(changed.error().message.find(part), std::string::npos) << changed.error().message;
  }
  Repository unknown = repository("vault", "/srv/x/y");
  unknown.compact_schedule = "never";
  const auto related = check_repository_relations(fleet(), unknown);
  ASSERT_FALSE(related);
  EXPECT_EQ(related.error().code, ErrorCode::no_such_schedule);
}

TEST(Places, ANewClientsNameMustNotBeWhereAnotherRepositoryIs) {
  Fleet all = fleet();
  all.repositories.emplace("spread", repository("spread", "/srv/b/{client}"));
  all.repositories.emplace("fixed", repository("fixed", "/srv/b/mail"));
  EXPECT_TRUE(check_repository_relations(all, all.repositories.at("spread"))) << "nobody is called so";
  EXPECT_TRUE(check_client_relations(all, "post"));
  const auto taken = check_client_relations(all, "mail");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::name_taken);
  EXPECT_NE(taken.error().message.find("client mail: url \"/srv/b/{client}\": repository fixed"),
            std::string::npos)
      << taken.error().message;
}

TEST(Maintenance, StartsByItselfUnlessSomethingIsDisabled) {
  Fleet all = fleet();
  Repository& vault = all.repositories.at("vault");
  EXPECT_EQ(maintenance_schedule(all, vault, maintenance(JobKind::check)), nullptr) << "no schedule";
  vault.check_schedule = "nightly";
  ASSERT_NE(maintenance_schedule(all, vault, maintenance(JobKind::check)), nullptr);
  EXPECT_EQ(maintenance_schedule(all, vault, maintenance(JobKind::compact)), nullptr);
  all.schedules.at("nightly").enabled = false;
  EXPECT_EQ(maintenance_schedule(all, vault, maintenance(JobKind::check)), nullptr) << "the schedule";
  all.schedules.at("nightly").enabled = true;
  vault.enabled = false;
  EXPECT_EQ(maintenance_schedule(all, vault, maintenance(JobKind::check)), nullptr) << "the repository";
}

TEST(Maintenance, IsAJobForEachBorgRepositoryThatIsPrepared) {
  Fleet all = fleet();
  all.repositories.at("vault").check_max_duration_seconds = std::chrono::seconds{600};
  all.borg_repositories.emplace("u@vault:/srv/b", borg_repository("vault", "b", "u@vault:/srv/b"));
  BorgRepository fresh = borg_repository("vault", "c", "u@vault:/srv/c");
  fresh.ready = false;
  all.borg_repositories.emplace(fresh.url, fresh);
  const auto plan = plan_scheduled_maintenance(all, JobKind::check, "vault", {});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->jobs.size(), 2U);
  EXPECT_EQ(plan->jobs[0].borg_url, kUrl);
  EXPECT_EQ(plan->jobs[0].client, "a");
  EXPECT_EQ(plan->jobs[0].details["max_duration"].asInt64(), 600);
  EXPECT_TRUE(plan->jobs[0].details["retry"].asBool());
  const Jobs active{{5, job(5, JobKind::check, "a", kUrl, JobState::running)}};
  const auto again = plan_scheduled_maintenance(all, JobKind::check, "vault", active);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->jobs.size(), 1U) << "the one before has not ended";
  EXPECT_EQ(again->jobs[0].client, "b");
  EXPECT_EQ(plan_scheduled_maintenance(all, JobKind::compact, "vault", active)->jobs.size(), 2U)
      << "of another kind";
  EXPECT_TRUE(plan_scheduled_maintenance(all, JobKind::check, "one", {})->jobs.empty())
      << "nothing is prepared: nothing to do";
  EXPECT_EQ(plan_scheduled_maintenance(all, JobKind::check, "none", {}).error().code,
            ErrorCode::no_such_repository);
  all.repositories.at("vault").enabled = false;
  EXPECT_EQ(plan_scheduled_maintenance(all, JobKind::check, "vault", {}).error().code, ErrorCode::disabled);
}

TEST(Damage, KeepsPrunesAndCompactionsFromRunningByThemselves) {
  Fleet all = fleet();
  for (const JobKind kind : {JobKind::prune, JobKind::compact}) {
    EXPECT_EQ(damage_obstacle(all, job(9, kind, "a", kUrl)), "");
  }
  all.borg_repositories.at(kUrl).damaged = 1;
  all.borg_repositories.at(kUrl).damaged_job = 7;
  for (const JobKind kind : {JobKind::prune, JobKind::compact}) {
    Job one = job(9, kind, "a", kUrl);
    EXPECT_NE(damage_obstacle(all, one).find("damaged (job 7)"), std::string::npos);
    const auto spec = job_spec(all, one);
    ASSERT_FALSE(spec);
    EXPECT_NE(spec.error().message.find("is damaged"), std::string::npos);
    one.details["by_hand"] = true;
    EXPECT_EQ(damage_obstacle(all, one), "") << "somebody wants it";
  }
  for (const JobKind kind : {JobKind::backup, JobKind::check, JobKind::restore, JobKind::catalog}) {
    EXPECT_EQ(damage_obstacle(all, job(9, kind, "a", kUrl)), "") << to_string(kind);
  }
}

TEST(Damage, IsNoObstacleForWhatIsAskedFor) {
  const Fleet all = fleet();
  const auto compaction =
      plan_repository_jobs(all, JobKind::compact, "vault", {}, Json::Value{Json::objectValue});
  ASSERT_TRUE(compaction);
  EXPECT_TRUE(compaction->jobs[0].details["by_hand"].asBool());
  const auto scheduled = plan_scheduled_maintenance(all, JobKind::compact, "vault", {});
  EXPECT_FALSE(scheduled->jobs[0].details["by_hand"].asBool());
  Policy keeps = all.policies.at("p");
  keeps.keep.last = 1;
  const auto prunes = plan_prune(all, keeps, {}, {}), run = plan_run(all, keeps, {}, {}, "t");
  for (const auto& one : prunes->jobs) EXPECT_TRUE(one.details["by_hand"].asBool());
  for (const auto& one : run->jobs) EXPECT_FALSE(one.details["by_hand"].asBool());
}

std::string due_text(const Fleet& all, const BorgRepository& borg, const Chain& chain = {}) {
  std::string text;
  for (const auto& due : maintenance_due(all, borg, chain)) {
    text +=
        std::string{to_string(due.kind)} + " " + due.policy + "/" + due.client + " " + due.schedule + "; ";
  }
  return text;
}

TEST(Maintenance, IsDueByItsOwnScheduleOrThatOfPolicies) {
  Fleet all = fleet();
  const BorgRepository borg = all.borg_repositories.at(kUrl);
  Policy& policy = all.policies.at("p");
  EXPECT_EQ(due_text(all, borg), "");
  policy.schedule = "nightly";
  EXPECT_EQ(due_text(all, borg), "") << "nothing is to be removed";
  policy.keep.daily = 7;
  EXPECT_EQ(due_text(all, borg), "prune p/a nightly; compact / nightly; ");
  EXPECT_EQ(due_text(all, borg, {.compact = false}), "prune p/a nightly; ");
  all.repositories.at("vault").check_schedule = "nightly";
  all.repositories.at("vault").compact_schedule = "nightly";
  EXPECT_EQ(due_text(all, borg), "check / nightly; compact / nightly; prune p/a nightly; ")
      << "once is enough";
  all.repositories.at("vault").verify_schedule = "nightly";
  EXPECT_EQ(due_text(all, borg),
            "check / nightly; compact / nightly; verify p/a nightly; prune p/a nightly; ");
  all.repositories.at("vault").verify_schedule.clear();
  policy.client_keep["a"] = {};
  EXPECT_EQ(due_text(all, borg), "check / nightly; compact / nightly; ") << "this client keeps all";
  policy.client_keep.clear();
  all.clients.at("a").enabled = false;
  EXPECT_EQ(due_text(all, borg), "check / nightly; compact / nightly; ") << "nothing is backed up";
  all.repositories.at("vault").enabled = false;
  EXPECT_EQ(due_text(all, borg), "");
  EXPECT_EQ(due_text(all, borg_repository("gone", "a", "/x/y")), "");
}

TEST(Maintenance, IntervalIsTheLongestTimeBetweenTwo) {
  EXPECT_EQ(interval_of(std::vector<Microseconds>{}), 0);
  EXPECT_EQ(interval_of(std::vector<Microseconds>{5}), 0);
  EXPECT_EQ(interval_of(std::vector<Microseconds>{5, 7, 17, 18}), 10);
}

}  // namespace
}  // namespace cyborg
