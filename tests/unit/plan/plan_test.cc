// SPDX-License-Identifier: GPL-3.0-or-later
#include "plan/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/json_text.h"
#include "unit/plan/fleet.h"

namespace cyborg {
namespace {

using test::contains;
using test::fleet;

constexpr char kNow[] = "2026-01-02T03:04:05Z";

Expected<Plan> run(const Fleet& in, const Jobs& active = {}, std::vector<std::string> only = {}) {
  return plan_run(in, in.policies.at("p"), only, active, kNow);
}

std::vector<const NewJob*> of_kind(const Plan& plan, JobKind kind) {
  std::vector<const NewJob*> found;
  for (const auto& job : plan.jobs) {
    if (job.kind == kind) found.push_back(&job);
  }
  return found;
}

void expect_predecessors_come_first(const Plan& plan) {
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    for (const std::size_t before : plan.jobs[i].after) EXPECT_LT(before, i);
  }
}

TEST(PlanRun, MakesABackupForEachClientBehindItsPreparations) {
  const auto plan = run(fleet());
  ASSERT_TRUE(plan) << plan.error().message;
  expect_predecessors_come_first(*plan);
  const auto backups = of_kind(*plan, JobKind::backup);
  ASSERT_EQ(backups.size(), 2U);
  EXPECT_EQ(backups[0]->client, "a");
  EXPECT_TRUE(backups[0]->after.empty());
  EXPECT_EQ(backups[0]->archive, "p-a-2026-01-02T03:04:05Z");
  EXPECT_EQ(backups[0]->borg_url, "u@vault:/srv/a");
  EXPECT_EQ(backups[1]->client, "b");
  EXPECT_EQ(backups[1]->after.size(), 2U);
  EXPECT_EQ(backups[0]->reason, "");
  EXPECT_EQ(backups[1]->reason,
            "waits for the preparation of client b and of the borg repository u@vault:/srv/b");
  ASSERT_EQ(of_kind(*plan, JobKind::prepare_client).size(), 1U);
  ASSERT_EQ(of_kind(*plan, JobKind::prepare_repository).size(), 1U);
  EXPECT_EQ(of_kind(*plan, JobKind::prepare_client)[0]->client, "b");
  EXPECT_EQ(of_kind(*plan, JobKind::prepare_repository)[0]->borg_url, "u@vault:/srv/b");
  ASSERT_EQ(plan->borg_repositories.size(), 1U);
  EXPECT_EQ(plan->borg_repositories[0].url, "u@vault:/srv/b");
  EXPECT_EQ(plan->borg_repositories[0].client, "b");
}

TEST(PlanRun, APreparationThatSeveralBackupsNeedIsThereOnce) {
  Fleet in = fleet();
  in.policies["p"].repositories = {"vault", "one"};
  const auto plan = run(in);
  ASSERT_TRUE(plan) << plan.error().message;
  expect_predecessors_come_first(*plan);
  EXPECT_EQ(of_kind(*plan, JobKind::backup).size(), 4U);
  EXPECT_EQ(of_kind(*plan, JobKind::prepare_client).size(), 1U);
  // vault for b, and the shared one for both.
  EXPECT_EQ(of_kind(*plan, JobKind::prepare_repository).size(), 2U);
  EXPECT_EQ(plan->borg_repositories.size(), 2U);
}

TEST(PlanRun, WaitsForAPreparationThatIsAlreadyAtWork) {
  const Jobs active{{5, test::job(5, JobKind::prepare_client, "b", "", JobState::running)},
                    {6, test::job(6, JobKind::prepare_repository, "b", "u@vault:/srv/b")}};
  const auto plan = run(fleet(), active);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->jobs.size(), 2U);
  EXPECT_EQ(plan->jobs[1].after_jobs, (std::vector<std::int64_t>{5, 6}));
  EXPECT_TRUE(plan->jobs[1].after.empty());
}

TEST(PlanRun, DoesNotTakeATestForAPreparation) {
  Job look = test::job(5, JobKind::prepare_client, "b", "", JobState::running);
  look.details["dry_run"] = true;
  const auto plan = run(fleet(), {{5, look}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(of_kind(*plan, JobKind::prepare_client).size(), 1U);
  look.state = JobState::failed;
  EXPECT_TRUE(plan_retry(fleet(), look, {}, kNow)->jobs[0].details["dry_run"].asBool());
}

TEST(PlanRun, LeavesOutAClientWhosePreviousBackupHasNotEnded) {
  Job previous = test::job(9, JobKind::backup, "a", "u@vault:/srv/a", JobState::running);
  previous.policy = "p";
  previous.repository = "vault";
  const auto plan = run(fleet(), {{9, previous}});
  ASSERT_TRUE(plan);
  ASSERT_EQ(of_kind(*plan, JobKind::backup).size(), 1U);
  EXPECT_EQ(of_kind(*plan, JobKind::backup)[0]->client, "b");
  EXPECT_EQ(plan->notes, std::vector<std::string>{"job 9 of policy p on a has not ended"});
  previous.policy = "other";
  EXPECT_EQ(of_kind(*run(fleet(), {{9, previous}}), JobKind::backup).size(), 2U);
}

TEST(PlanRun, NamesTheDisabledObject) {
  const auto refused = [](auto change) {
    Fleet in = fleet();
    in.policies["p"].schedule = "nightly";
    change(in);
    const auto plan = run(in);
    if (plan) return std::string{"it was planned"};
    EXPECT_EQ(plan.error().code, ErrorCode::disabled);
    return plan.error().message;
  };
  EXPECT_EQ(refused([](Fleet& in) { in.policies["p"].enabled = false; }),
            "policy p cannot run: policy p is disabled");
  EXPECT_EQ(refused([](Fleet& in) { in.schedules["nightly"].enabled = false; }),
            "policy p cannot run: schedule nightly is disabled");
  EXPECT_EQ(refused([](Fleet& in) { in.repositories["vault"].enabled = false; }),
            "policy p cannot run: repository vault is disabled");
  EXPECT_EQ(refused([](Fleet& in) { in.clients["a"].enabled = in.clients["b"].enabled = false; }),
            "policy p cannot run: all clients of policy p are disabled");
  EXPECT_EQ(refused([](Fleet& in) {
              in.policies["p"].clients = {"a"};
              in.clients["a"].enabled = false;
            }),
            "policy p cannot run: client a is disabled");
  EXPECT_EQ(refused([](Fleet& in) { in.policies["p"].clients.clear(); }),
            "policy p cannot run: policy p has no client");
}

TEST(PlanRun, OneDisabledClientIsLeftOutUnlessItWasAskedFor) {
  Fleet in = fleet();
  in.clients["b"].enabled = false;
  const auto plan = run(in);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->jobs.size(), 1U);
  EXPECT_EQ(plan->notes, std::vector<std::string>{"client b is disabled"});
  const auto asked = run(in, {}, {"b"});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, ErrorCode::disabled);
  EXPECT_EQ(asked.error().message, "client b is disabled");
}

TEST(PlanRun, TakesOnlyTheClientsThatWereNamed) {
  const auto plan = run(fleet(), {}, {"a"});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->jobs.size(), 1U);
  EXPECT_EQ(plan->jobs[0].client, "a");
  const auto stranger = run(fleet(), {}, {"a", "c"});
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, ErrorCode::no_such_client);
  EXPECT_EQ(stranger.error().message, "policy p has no client \"c\"");
}

TEST(PolicyRelations, ForbidASnapshotOnTheServerItself) {
  Fleet in = fleet();
  Policy made = test::policy("q", {"a", "b"}, {"vault"});
  made.type = "config";
  made.variables["snapshot"] = "auto";
  EXPECT_TRUE(check_policy_relations(in, made));
  in.clients["b"].local = true;
  const auto checked = check_policy_relations(in, made);
  ASSERT_FALSE(checked);
  EXPECT_EQ(
      checked.error().message,
      "snapshot \"auto\": client b is the server itself, whose jobs may neither mount nor make snapshots");
  made.variables["extended_config"]["b"]["snapshot"] = "none";
  EXPECT_TRUE(check_policy_relations(in, made));
}

TEST(PolicyRelations, HaveToExist) {
  struct Row {
    Policy policy;
    ErrorCode code;
    const char* said;
  };
  Policy scheduled = test::policy("q", {"a"}, {"vault"});
  scheduled.schedule = "weekly";
  for (const auto& row : {
           Row{test::policy("q", {"x"}, {"vault"}), ErrorCode::no_such_client, "no client named \"x\""},
           Row{test::policy("q", {"a"}, {"x"}), ErrorCode::no_such_repository, "no repository named \"x\""},
           Row{scheduled, ErrorCode::no_such_schedule, "no schedule named \"weekly\""},
       }) {
    const auto checked = check_policy_relations(fleet(), row.policy);
    ASSERT_FALSE(checked) << row.said;
    EXPECT_EQ(checked.error().code, row.code);
    EXPECT_EQ(checked.error().message, row.said);
  }
  EXPECT_TRUE(check_policy_relations(fleet(), test::policy("q", {"a", "b"}, {"vault", "one"})));
}

TEST(PolicyRelations, ARepositoryOfOneClientTakesNoSecond) {
  Fleet in = fleet();
  in.repositories["one"].shared = false;
  EXPECT_TRUE(check_policy_relations(in, test::policy("q", {"a"}, {"one"})));
  EXPECT_FALSE(check_policy_relations(in, test::policy("q", {"a", "b"}, {"one"})));
  // Also across two policies; a changed policy does not count with its old values.
  in.policies["q"] = test::policy("q", {"a"}, {"one"});
  EXPECT_TRUE(check_policy_relations(in, test::policy("r", {"a"}, {"one"})));
  EXPECT_TRUE(check_policy_relations(in, test::policy("q", {"b"}, {"one"})));
  const auto second = check_policy_relations(in, test::policy("r", {"b"}, {"one"}));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(contains(second.error().message, "repository one would take 2 clients"))
      << second.error().message;
}

TEST(PlanPrepare, PreparesEvenWhatIsReady) {
  const auto client = plan_prepare_client(fleet(), "a", {});
  ASSERT_TRUE(client);
  EXPECT_EQ(client->jobs.size(), 1U);
  EXPECT_EQ(plan_prepare_client(fleet(), "x", {}).error().code, ErrorCode::no_such_client);
  Fleet in = fleet();
  in.clients["a"].enabled = false;
  EXPECT_EQ(plan_prepare_client(in, "a", {}).error().message, "client a is disabled");
}

TEST(PlanPrepare, OfARepositoryIsOneJobForEachBorgRepository) {
  EXPECT_EQ(plan_prepare_repository(fleet(), "vault", {}, {})->jobs.size(), 2U);
  EXPECT_EQ(plan_prepare_repository(fleet(), "one", {}, {})->jobs.size(), 1U);
  const std::vector<std::string> only{"b"};
  const auto one = plan_prepare_repository(fleet(), "vault", only, {});
  ASSERT_TRUE(one);
  ASSERT_EQ(one->jobs.size(), 1U);
  EXPECT_EQ(one->jobs[0].borg_url, "u@vault:/srv/b");
  const std::vector<std::string> stranger{"x"};
  EXPECT_EQ(plan_prepare_repository(fleet(), "vault", stranger, {}).error().code, ErrorCode::no_such_client);
  Fleet unused = fleet();
  unused.policies.clear();
  EXPECT_TRUE(
      contains(plan_prepare_repository(unused, "vault", {}, {}).error().message, "no policy names one"));
  EXPECT_EQ(plan_prepare_repository(fleet(), "x", {}, {}).error().code, ErrorCode::no_such_repository);
}

RestoreRequest request() {
  RestoreRequest made;
  made.archive = "p-a-1";
  made.repository = "vault";
  made.borg_url = "u@vault:/srv/a";
  made.policy = "p";
  made.client = "b";
  made.paths = {"etc", "a b"};
  made.directory = "/tmp/x";
  return made;
}

Job ended(JobKind kind) {
  Job made = test::job(3, kind, "a", "u@vault:/srv/a", JobState::failed);
  made.policy = "p";
  made.repository = "vault";
  return made;
}

TEST(PlanRestore, PreparesTheClientAndKeepsWhatWasAsked) {
  const auto plan = plan_restore(fleet(), request(), {});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->jobs.size(), 2U);
  EXPECT_EQ(plan->jobs[0].kind, JobKind::prepare_client);
  const NewJob& restore = plan->jobs[1];
  EXPECT_EQ(restore.after, std::vector<std::size_t>{0});
  EXPECT_EQ(restore.details["directory"].asString(), "/tmp/x");
  EXPECT_EQ(restore.details["paths"].size(), 2U);
}

TEST(PlanRestore, NeedsNoClientForWhatGoesToTheCaller) {
  Fleet in = fleet();
  in.clients.erase("b");
  RestoreRequest wanted = request();
  wanted.directory.clear();
  wanted.output = true;
  const auto plan = plan_restore(in, wanted, {});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->jobs.size(), 1U);
  Job job = ended(JobKind::restore);
  job.details = plan->jobs[0].details;
  job.client = "b";
  const auto spec = job_spec(in, job);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_TRUE(spec->restore.output);
  EXPECT_FALSE(works_on_client(*spec));
  EXPECT_NE(plan_retry(in, job, {}, kNow).error().message.find("who has gone"), std::string::npos);
}

// It waited for a client, or is a retry, while its policy became one of another type.
TEST(PlanRestore, OfAGuestOrDatabaseIsRefusedOnceThePolicyHasNone) {
  for (const char* details : {R"({"guest":"web"})", R"({"databases":{"shop":""}})", R"({"globals":true})"}) {
    Fleet in = fleet();
    Job job = ended(JobKind::restore);
    job.archive = "p-a-1";
    job.details = test::json(details);
    in.policies.at(job.policy).type = "folders";
    in.policies.at(job.policy).variables = test::json(R"({"folders":["/srv"]})");
    const auto spec = job_spec(in, job);
    ASSERT_FALSE(spec) << details;
    EXPECT_EQ(spec.error().code, ErrorCode::invalid_argument) << spec.error().message;
  }
}

TEST(PlanRestore, NamesWhatIsMissingOrDisabled) {
  Fleet in = fleet();
  in.clients.erase("b");
  EXPECT_EQ(plan_restore(in, request(), {}).error().message, "no client named \"b\"");
  in = fleet();
  in.repositories["vault"].enabled = false;
  EXPECT_EQ(plan_restore(in, request(), {}).error().message, "repository vault is disabled");
  in = fleet();
  in.clients["b"].enabled = false;
  EXPECT_EQ(plan_restore(in, request(), {}).error().message, "client b is disabled");
}

TEST(PlanRetry, DoesTheSameWorkAgain) {
  const auto backup = plan_retry(fleet(), ended(JobKind::backup), {}, kNow);
  ASSERT_TRUE(backup);
  ASSERT_EQ(backup->jobs.size(), 1U);
  EXPECT_EQ(backup->jobs[0].archive, "p-a-2026-01-02T03:04:05Z");
  const auto prepared = plan_retry(fleet(), ended(JobKind::prepare_repository), {}, kNow);
  ASSERT_TRUE(prepared);
  ASSERT_EQ(prepared->jobs.size(), 1U);
  EXPECT_EQ(prepared->jobs[0].borg_url, "u@vault:/srv/a");
  Job restore = ended(JobKind::restore);
  restore.archive = "p-a-1";
  restore.details = test::json(R"({"directory":"/tmp/x","paths":["etc"]})");
  const auto restored = plan_retry(fleet(), restore, {}, kNow);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->jobs.back().archive, "p-a-1");
  EXPECT_EQ(restored->jobs.back().details["paths"][0].asString(), "etc");
  EXPECT_EQ(restored->jobs.back().details["directory"].asString(), "/tmp/x");
}

TEST(PlanRetry, TakesTheRightOfWhatItRepeats) {
  struct Row {
    JobKind kind;
    const char* details;
    const char* method;  // "": the right to run is enough
  };
  for (const Row& row :
       {Row{JobKind::backup, "{}", ""}, Row{JobKind::restore, "{}", "Restore"},
        Row{JobKind::withdraw, "{}", "WithdrawKeys"}, Row{JobKind::prune, "{}", ""},
        Row{JobKind::prune, R"({"archives":["a"]})", "RemoveArchive"},
        Row{JobKind::list, R"({"by_hand":true})", ""},
        Row{JobKind::list, R"({"import":["a"]})", "ImportArchives"},
        Row{JobKind::prepare_repository, R"({"dry_run":true})", ""},
        Row{JobKind::prepare_repository, R"({"change_passphrase":true})", "ChangePassphrase"},
        Row{JobKind::check, "{}", ""}, Row{JobKind::compact, R"({"by_hand":true})", ""}}) {
    Job job = ended(row.kind);
    job.details = test::json(row.details);
    EXPECT_EQ(privileged_method(job).value_or(""), row.method) << to_string(row.kind) << row.details;
  }
}

TEST(PlanRetry, NamesWhatHasChangedSince) {
  const auto said = [](auto change, const Jobs& active = {}) {
    Fleet in = fleet();
    change(in);
    const auto plan = plan_retry(in, ended(JobKind::backup), active, kNow);
    return plan ? std::string{"it was planned"} : plan.error().message;
  };
  EXPECT_EQ(said([](Fleet& in) { in.policies.clear(); }), "no policy named \"p\"");
  EXPECT_EQ(said([](Fleet& in) { in.clients.erase("a"); }), "no client named \"a\"");
  EXPECT_EQ(said([](Fleet& in) { in.clients["a"].enabled = false; }), "client a is disabled");
  EXPECT_EQ(said([](Fleet& in) { in.policies["p"].enabled = false; }),
            "policy p cannot run: policy p is disabled");
  Job again = ended(JobKind::backup);
  again.state = JobState::pending;
  EXPECT_EQ(said([](Fleet&) {}, {{3, again}}), "job 3 of policy p on a has not ended");
}

TEST(JobSpecOfAJob, SaysHowTheClientAndTheRepositoryAreReached) {
  Fleet in = fleet();
  in.clients["a"].port = 2222;
  in.repositories["vault"].host_key = "SHA256:y";
  const auto spec = job_spec(in, ended(JobKind::backup));
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->target.address, "a");
  EXPECT_EQ(spec->target.port, 2222);
  EXPECT_EQ(spec->repository_host.address, "vault");
  EXPECT_EQ(spec->repository_host.host_key, "SHA256:y");
  EXPECT_EQ(spec->repository_path, "/srv/a");
  EXPECT_EQ(spec->borg_id, std::string(64, 'b'));
  EXPECT_EQ(spec->roots, std::vector<std::string>{"/etc"});
}

TEST(JobSpecOfAJob, FailsWhenSomethingWasRemovedOrDisabled) {
  const auto said = [](auto change) {
    Fleet in = fleet();
    change(in);
    const auto spec = job_spec(in, ended(JobKind::backup));
    return spec ? std::string{"it was made"} : spec.error().message;
  };
  EXPECT_EQ(said([](Fleet& in) { in.clients.erase("a"); }), "client a was removed");
  EXPECT_EQ(said([](Fleet& in) { in.clients["a"].enabled = false; }), "client a is disabled");
  EXPECT_EQ(said([](Fleet& in) { in.repositories.erase("vault"); }), "repository vault was removed");
  EXPECT_EQ(said([](Fleet& in) { in.repositories["vault"].enabled = false; }),
            "repository vault is disabled");
  EXPECT_EQ(said([](Fleet& in) { in.policies.erase("p"); }), "policy p was removed");
  EXPECT_EQ(said([](Fleet& in) { in.policies["p"].enabled = false; }), "policy p is disabled");
}

TEST(PlanVerify, IsAJobForEachSeriesThatIsPrepared) {
  Fleet in = fleet();
  in.policies["p"].repositories = {"vault", "one"};
  in.borg_repositories["/srv/one"] = test::borg_repository("one", "", "/srv/one");
  const auto plan = plan_verify(in, in.policies.at("p"), {}, {});
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->jobs.size(), 3U);
  for (const auto& job : plan->jobs) {
    EXPECT_EQ(job.kind, JobKind::verify);
    EXPECT_EQ(job.policy, "p");
    EXPECT_EQ(job.archive, "");
  }
  EXPECT_EQ(plan->jobs[0].borg_url, "u@vault:/srv/a");
  EXPECT_EQ(plan->jobs[2].client, "b");
  EXPECT_EQ(plan->jobs[2].borg_url, "/srv/one");
  EXPECT_EQ(plan->notes, std::vector<std::string>{"policy p has no archive of b in repository vault yet"});
  Job active = test::job(4, JobKind::verify, "a", "u@vault:/srv/a", JobState::running);
  active.policy = "p";
  EXPECT_EQ(plan_verify(in, in.policies.at("p"), {}, {{4, active}})->jobs.size(), 2U);
  active.policy = "q";
  EXPECT_EQ(plan_verify(in, in.policies.at("p"), {}, {{4, active}})->jobs.size(), 3U);
}

TEST(PlanVerify, TakesOnlyWhatWasNamedAndIsEnabled) {
  Fleet in = fleet();
  const std::vector<std::string> a{"a"}, stranger{"c"};
  EXPECT_EQ(plan_verify(in, in.policies.at("p"), a, {})->jobs.size(), 1U);
  EXPECT_EQ(plan_verify(in, in.policies.at("p"), stranger, {}).error().message,
            "policy p has no client \"c\"");
  EXPECT_EQ(plan_verify_repository(in, "vault", {}, {})->jobs.size(), 1U);
  EXPECT_EQ(plan_verify_repository(in, "one", {}, {})->jobs.size(), 0U);
  EXPECT_EQ(plan_verify_repository(in, "x", {}, {}).error().code, ErrorCode::no_such_repository);
  in.policies["p"].enabled = false;
  EXPECT_EQ(plan_verify_repository(in, "vault", {}, {})->notes,
            std::vector<std::string>{"policy p is disabled"});
  in.repositories["vault"].enabled = false;
  EXPECT_EQ(plan_verify(in, in.policies.at("p"), {}, {}).error().message, "repository vault is disabled");
}

TEST(JobSpecOfAVerification, SaysWhatCanBeProven) {
  Job verify = ended(JobKind::verify);
  verify.archive = "p-a-1";
  verify.details = test::json(R"({"seed":"x"})");
  const auto made = [&](auto change) {
    Fleet in = fleet();
    change(in);
    const auto spec = job_spec(in, verify);
    EXPECT_TRUE(spec);
    return spec.value_or(JobSpec{});
  };
  const JobSpec files = made([](Fleet& in) { in.policies["p"].canaries = {"/etc/x"}; });
  EXPECT_EQ(files.verify, "compare");
  EXPECT_EQ(files.client_away, "");
  EXPECT_EQ(files.target.address, "a");
  EXPECT_EQ(files.archive, "p-a-1");
  EXPECT_EQ(files.seed, "x");
  EXPECT_EQ(files.canaries, std::vector<std::string>{"/etc/x"});
  EXPECT_EQ(made([](Fleet& in) { in.policies["p"].type = "mysql"; }).verify, "mysql");
  EXPECT_EQ(made([](Fleet& in) { in.policies.clear(); }).verify, "read");
  // Without a client, the archive can still be read.
  EXPECT_EQ(made([](Fleet& in) { in.clients["a"].enabled = false; }).client_away, "client a is disabled");
  EXPECT_EQ(made([](Fleet& in) { in.clients.erase("a"); }).client_away, "client a was removed");
  EXPECT_EQ(made([](Fleet& in) { in.clients["a"].ready = false; }).client_away, "client a is not prepared");
}

TEST(PlanRetry, OfAVerificationKeepsTheArchiveAndTheChoice) {
  Job verify = ended(JobKind::verify);
  verify.archive = "p-a-1";
  verify.details = test::json(R"({"seed":"x"})");
  const auto plan = plan_retry(fleet(), verify, {}, kNow);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->jobs.size(), 1U);
  EXPECT_EQ(plan->jobs[0].archive, "p-a-1");
  EXPECT_EQ(plan->jobs[0].details["seed"].asString(), "x");
}

TEST(Catalogs, FollowTheBackupsOfPoliciesThatWantThem) {
  Fleet fleet;
  fleet.policies["etc"].name = "etc";
  fleet.policies["var"].name = "var";
  fleet.policies["var"].catalog = false;
  Plan plan;
  for (const char* policy : {"etc", "var"}) {
    NewJob& job = plan.jobs.emplace_back();
    job.policy = policy;
    job.client = "web";
    job.borg_url = "/srv/web";
    job.archive = std::string{policy} + "-web-1";
  }
  plan.jobs.emplace_back().kind = JobKind::prune;
  add_catalogs(fleet, plan);
  ASSERT_EQ(plan.jobs.size(), 4U);
  const NewJob& catalog = plan.jobs.back();
  EXPECT_EQ(catalog.kind, JobKind::catalog);
  EXPECT_EQ(catalog.archive, "etc-web-1");
  EXPECT_EQ(catalog.borg_url, "/srv/web");
  EXPECT_EQ(catalog.after, std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace cyborg
