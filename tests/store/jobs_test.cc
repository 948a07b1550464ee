// SPDX-License-Identifier: GPL-3.0-or-later
// Runs, jobs, the effects of their end, archives, the status of the fleet.
#include "fixture.h"

namespace cyborg::store::test {
namespace {

class Jobs : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
  }
  JobRecord record(std::int64_t id) { return good(ask<JobRecord>(&Store::get_job, id)); }
  JobState state(std::int64_t id) { return record(id).job.state; }
  Page<Job> list(JobFilter filter, std::uint32_t limit = 100, std::int64_t cursor = 0) {
    return good(ask<Page<Job>>(&Store::list_jobs, std::move(filter), limit, cursor));
  }
  std::vector<std::int64_t> update(JobUpdate update) {
    return good(
        ask<std::vector<std::int64_t>>(&Store::update_jobs, std::vector<JobUpdate>{std::move(update)}));
  }
  // The row of etc, web and vault.
  FleetRow status() {
    for (const auto& row : good(ask<std::vector<FleetRow>>(&Store::fleet_status))) {
      if (row.client == "web" && row.repository == "vault") return row;
    }
    throw std::runtime_error("no status");
  }
  static JobResult backup(JobState state, const std::string& message = "done") {
    JobResult end = result(state, message);
    end.archive["id"] = kId;
    end.archive["original_size"] = 1000;
    end.archive["compressed_size"] = 500.0;
    end.archive["deduplicated_size"] = 100;
    end.archive["nfiles"] = 7;
    end.archive["duration"] = 1.5;
    return end;
  }
  // Creates a run with one backup, and ends it.
  FinishedJob back_up(int number, JobResult end, Microseconds finished = 0) {
    NewRun run = new_run("00000000-0000-4000-8000-00000000010" + std::to_string(number));
    run.jobs = {run.jobs[2]};
    run.jobs[0].after = {};
    run.jobs[0].archive = "etc-web-" + std::to_string(number);
    return finish(good(ask<CreatedRun>(&Store::create_run, run)).jobs[0].id, std::move(end), finished);
  }
};

TEST_F(Jobs, a_run_is_created_with_all_its_jobs) {
  const auto run = add_run();
  EXPECT_FALSE(run.existed);
  ASSERT_EQ(run.jobs.size(), 3U);
  EXPECT_EQ(run.jobs[0].kind, JobKind::prepare_client);
  EXPECT_EQ(run.jobs[0].state, JobState::pending);
  EXPECT_EQ(run.jobs[2].state, JobState::waiting);
  EXPECT_EQ(run.jobs[2].after, (std::vector{run.jobs[0].id, run.jobs[1].id}));
  EXPECT_EQ(run.jobs[2].borg_url, kWebUrl);
  EXPECT_EQ(run.jobs[2].run, run.run);
  EXPECT_GT(run.jobs[2].created, 0);
  ASSERT_EQ(run.borg_repositories.size(), 1U);
  EXPECT_GT(run.borg_repositories[0].id, 0);
  EXPECT_EQ(load().jobs.size(), 3U);
}

TEST_F(Jobs, a_run_is_created_once) {
  constexpr Microseconds kElapse = 1'767'225'600'123'456;
  const auto first = add_run("00000000-0000-4000-8000-000000000001", kElapse);
  const auto same_token = add_run("00000000-0000-4000-8000-000000000001", kElapse);
  const auto same_elapse = add_run("00000000-0000-4000-8000-000000000002", kElapse);
  for (const auto& again : {same_token, same_elapse}) {
    EXPECT_TRUE(again.existed);
    EXPECT_EQ(again.run, first.run);
    ASSERT_EQ(again.jobs.size(), 3U);
    EXPECT_EQ(again.jobs[2].id, first.jobs[2].id);
  }
  EXPECT_FALSE(add_run("00000000-0000-4000-8000-000000000003", kElapse + 1).existed);
  EXPECT_FALSE(add_run("00000000-0000-4000-8000-000000000004").existed);
  EXPECT_FALSE(add_run("00000000-0000-4000-8000-000000000005").existed);
}

TEST_F(Jobs, a_run_of_no_policy_or_after_no_job_is_not_created) {
  NewRun run = new_run("00000000-0000-4000-8000-000000000001");
  run.policy = "ghost";
  EXPECT_EQ(ask<CreatedRun>(&Store::create_run, run).error().code, ErrorCode::no_such_policy);
  run.policy = "etc";
  run.jobs[0].after_jobs = {4711};
  EXPECT_EQ(ask<CreatedRun>(&Store::create_run, run).error().code, ErrorCode::no_such_job);
  run.token = "not a uuid";
  EXPECT_EQ(ask<CreatedRun>(&Store::create_run, run).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(sql("select count(*) from run"), "0");
  EXPECT_TRUE(load().borg_repositories.empty());
}

TEST_F(Jobs, a_run_may_wait_for_jobs_of_another) {
  const auto first = add_run();
  NewRun second = new_run("00000000-0000-4000-8000-000000000002");
  second.jobs = {second.jobs[2]};
  second.jobs[0].after = {};
  second.jobs[0].after_jobs = {first.jobs[0].id};
  EXPECT_EQ(good(ask<CreatedRun>(&Store::create_run, second)).jobs[0].state, JobState::waiting);
  finish(first.jobs[0].id, result(JobState::failed, "no route"));
  // It ended between the plan and the transaction.
  second.token = "00000000-0000-4000-8000-000000000003";
  const auto late = good(ask<CreatedRun>(&Store::create_run, second)).jobs[0];
  EXPECT_EQ(late.state, JobState::skipped);
  EXPECT_EQ(late.reason,
            "prepare-client of web was not successful (job " + std::to_string(first.jobs[0].id) + ")");
  EXPECT_EQ(status().last_end_job, late.id);
}

TEST_F(Jobs, updates_leave_absent_fields_and_ended_jobs_alone) {
  const auto run = add_run();
  const auto id = run.jobs[0].id;
  EXPECT_TRUE(update({id, JobState::starting, "", {}, "cyborg-job-1.service"}).empty());
  EXPECT_TRUE(update({id, JobState::running, {}, 5'000'000, {}}).empty());
  const JobRecord now = record(id);
  EXPECT_EQ(now.job.state, JobState::running);
  EXPECT_EQ(now.job.started, 5'000'000);
  EXPECT_EQ(now.unit, "cyborg-job-1.service");
  EXPECT_EQ(now.node, "here");
  EXPECT_FALSE(now.result);
  finish(id, result(JobState::successful));
  EXPECT_EQ(update({id, JobState::running, "late", {}, {}}), std::vector<std::int64_t>{id});
  EXPECT_EQ(state(id), JobState::successful);
  EXPECT_EQ(update({4711, {}, "x", {}, {}}), std::vector<std::int64_t>{4711});
  EXPECT_FALSE(ask<std::vector<std::int64_t>>(&Store::update_jobs,
                                              std::vector<JobUpdate>{{id, JobState::failed, {}, {}, {}}}));
}

// The number of a job that a failover lost is given again.
TEST_F(Jobs, a_result_of_another_attempt_ends_nothing) {
  NewRun run = new_run("00000000-0000-4000-8000-000000000001");
  run.jobs[0].attempt = "a-1";
  const auto id = good(ask<CreatedRun>(&Store::create_run, run)).jobs[0].id;
  EXPECT_EQ(record(id).job.attempt, "a-1");
  JobResult end = result(JobState::successful);
  for (const char* other : {"", "b-1"}) {
    end.attempt = other;
    EXPECT_EQ(ask<FinishedJob>(&Store::finish_job, id, end, Microseconds{0}).error().code,
              ErrorCode::no_such_job);
    EXPECT_EQ(state(id), JobState::pending);
  }
  JobUpdate next;
  next.id = id;
  next.attempt = "a-2";
  update(next);
  EXPECT_EQ(load().jobs[0].attempt, "a-2");
  end.attempt = "a-1";
  EXPECT_FALSE(ask<FinishedJob>(&Store::finish_job, id, end, Microseconds{0}));
  end.attempt = "a-2";
  EXPECT_FALSE(finish(id, end).repeated);
  EXPECT_TRUE(finish(id, end).repeated);
  EXPECT_EQ(record(id).result->attempt, "a-2");
  end.attempt = "b-1";
  EXPECT_FALSE(ask<FinishedJob>(&Store::finish_job, id, end, Microseconds{0}));
}

TEST_F(Jobs, predecessors_release_when_all_succeeded) {
  const auto run = add_run();
  EXPECT_TRUE(finish(run.jobs[0].id, result(JobState::warning)).dependants.empty());
  const auto second = finish(run.jobs[1].id, result(JobState::successful));
  ASSERT_EQ(second.dependants.size(), 1U);
  EXPECT_EQ(second.dependants[0].id, run.jobs[2].id);
  EXPECT_EQ(second.dependants[0].state, JobState::pending);
}

TEST_F(Jobs, what_waits_for_a_failure_is_skipped_to_the_end_of_the_chain) {
  for (const JobState bad : {JobState::failed, JobState::error, JobState::canceled}) {
    NewRun run = new_run("00000000-0000-4000-8000-0000000000" + std::to_string(10 + static_cast<int>(bad)));
    run.jobs.push_back(run.jobs[2]);
    run.jobs[3].after = {2};
    const auto jobs = good(ask<CreatedRun>(&Store::create_run, run)).jobs;
    const auto ended = finish(jobs[0].id, result(bad, "why"));
    EXPECT_EQ(ended.job.state, bad);
    EXPECT_EQ(ended.job.reason, "why");
    ASSERT_EQ(ended.dependants.size(), 2U);
    for (const auto& job : ended.dependants) {
      EXPECT_EQ(job.state, JobState::skipped);
      EXPECT_EQ(job.finished, ended.job.finished);
    }
    EXPECT_EQ(ended.dependants[1].reason,
              "backup of web was skipped (job " + std::to_string(jobs[2].id) + ")");
    finish(jobs[1].id, result(JobState::successful));
    EXPECT_EQ(state(jobs[2].id), JobState::skipped);
  }
  EXPECT_TRUE(load().jobs.empty());
}

TEST_F(Jobs, preparations_leave_their_facts) {
  const auto run = add_run();
  JobResult client = result(JobState::successful);
  client.facts["addresses"].append("192.0.2.7");
  client.facts["operating_system"] = "Debian GNU/Linux 12 (bookworm)";
  client.facts["borg_version"] = "1.2.4";
  client.facts["hostname"] = "web.example";
  client.facts["host_key"] = "SHA256:web";
  const auto prepared = finish(run.jobs[0].id, client);
  ASSERT_TRUE(prepared.client);
  EXPECT_TRUE(prepared.client->ready);
  EXPECT_EQ(prepared.client->addresses, std::vector<std::string>{"192.0.2.7"});
  EXPECT_EQ(prepared.client->host_key, "SHA256:web");
  EXPECT_EQ(prepared.client->borg_version, "1.2.4");

  JobResult repository = result(JobState::successful);
  repository.facts["borg_id"] = kId;
  repository.facts["host_key"] = "SHA256:vault";
  const auto initialized = finish(run.jobs[1].id, repository);
  ASSERT_TRUE(initialized.borg_repository);
  EXPECT_TRUE(initialized.borg_repository->ready);
  EXPECT_EQ(initialized.borg_repository->borg_id, kId);
  EXPECT_EQ(initialized.repository->host_key, "SHA256:vault");

  // A later preparation does not change a pinned key.
  NewRun again = new_run("00000000-0000-4000-8000-000000000002");
  again.jobs = {again.jobs[0]};
  client.facts["host_key"] = "SHA256:mallory";
  EXPECT_EQ(finish(good(ask<CreatedRun>(&Store::create_run, again)).jobs[0].id, client).client->host_key,
            "SHA256:web");
}

TEST_F(Jobs, a_test_of_a_client_leaves_none) {
  NewRun run = new_run("00000000-0000-4000-8000-000000000001");
  run.jobs[0].details["dry_run"] = true;
  const auto created = good(ask<CreatedRun>(&Store::create_run, run));
  JobResult client = result(JobState::successful);
  client.facts["host_key"] = "SHA256:web";
  EXPECT_FALSE(finish(created.jobs[0].id, client).client->ready);
  EXPECT_EQ(load().clients[1].host_key, "");
}

TEST_F(Jobs, a_failed_preparation_leaves_none) {
  const auto run = add_run();
  JobResult client = result(JobState::failed);
  client.facts["host_key"] = "SHA256:mallory";
  EXPECT_FALSE(finish(run.jobs[0].id, client).client);
  EXPECT_EQ(load().clients[1].host_key, "");
  EXPECT_FALSE(load().clients[1].ready);
}

// The key in the repository host's authorized_keys, whatever became of the rest.
TEST_F(Jobs, a_key_on_the_repository_host_is_known_until_it_is_withdrawn) {
  const auto run = add_run();
  finish(run.jobs[0].id, result(JobState::successful));
  JobResult failed = result(JobState::failed);
  failed.facts["direct_key"] = "ssh-ed25519 AAAA";
  failed.facts["direct_line"] = "command=\"x\" ssh-ed25519 AAAA";
  failed.facts["direct_manual"] = false;
  failed.facts["direct_host_key"] = "SHA256:vault";
  const auto prepared = finish(run.jobs[1].id, failed).borg_repository;
  ASSERT_TRUE(prepared);
  EXPECT_FALSE(prepared->ready);
  EXPECT_EQ(prepared->direct.key, "ssh-ed25519 AAAA");
  EXPECT_EQ(prepared->direct.host_key, "SHA256:vault");

  // The client is removed, and its borg repository is kept although it is empty.
  good(ask<std::vector<Policy>>(&Store::remove_client, "web", true));
  NewRun withdrawal = new_run("00000000-0000-4000-8000-000000000003");
  withdrawal.jobs = {withdrawal.jobs[1]};
  withdrawal.jobs[0].kind = JobKind::withdraw;
  const auto job = good(ask<CreatedRun>(&Store::create_run, withdrawal)).jobs[0].id;
  JobResult withdrawn = result(JobState::successful);
  withdrawn.facts["withdrawn"] = "ssh-ed25519 AAAA";
  const auto left = finish(job, withdrawn).borg_repository;
  ASSERT_TRUE(left);
  EXPECT_EQ(left->direct.line, "");
  EXPECT_EQ(left->direct.key, "ssh-ed25519 AAAA");
}

TEST_F(Jobs, the_full_host_key_is_kept_if_it_is_the_pinned_one) {
  const auto run = add_run();
  finish(run.jobs[0].id, result(JobState::successful));
  JobResult repository = result(JobState::successful);
  repository.facts["borg_id"] = kId;
  repository.facts["host_key"] = "SHA256:vault";
  repository.facts["host_public_key"] = "ssh-ed25519 HOST";
  EXPECT_EQ(finish(run.jobs[1].id, repository).repository->host_public_key, "ssh-ed25519 HOST");
  NewRun again = new_run("00000000-0000-4000-8000-000000000004");
  again.jobs = {again.jobs[1]};
  repository.facts["host_key"] = "SHA256:mallory";
  repository.facts["host_public_key"] = "ssh-ed25519 MALLORY";
  EXPECT_EQ(finish(good(ask<CreatedRun>(&Store::create_run, again)).jobs[0].id, repository)
                .repository->host_public_key,
            "ssh-ed25519 HOST");
}

TEST_F(Jobs, ending_twice_changes_nothing_and_answers_the_same) {
  const auto run = add_run();
  finish(run.jobs[0].id, result(JobState::successful));
  const auto first = finish(run.jobs[1].id, result(JobState::successful), 5'000'000);
  const auto second = finish(run.jobs[1].id, result(JobState::failed, "no"), 6'000'000);
  EXPECT_FALSE(first.repeated);
  EXPECT_TRUE(second.repeated);
  EXPECT_EQ(second.job.state, JobState::successful);
  EXPECT_EQ(second.job.finished, 5'000'000);
  EXPECT_TRUE(second.borg_repository);
  ASSERT_EQ(second.dependants.size(), 1U);
  EXPECT_EQ(second.dependants[0].state, JobState::pending);

  const auto backed_up = finish(run.jobs[2].id, backup(JobState::successful));
  const auto again = finish(run.jobs[2].id, backup(JobState::successful));
  EXPECT_EQ(backed_up.archive->id, again.archive->id);
  EXPECT_EQ(sql("select count(*) from archive"), "1");
}

TEST_F(Jobs, only_existing_jobs_end_and_only_in_end_states) {
  EXPECT_EQ(ask<FinishedJob>(&Store::finish_job, 4711, result(JobState::failed), 0).error().code,
            ErrorCode::no_such_job);
  const auto run = add_run();
  EXPECT_FALSE(ask<FinishedJob>(&Store::finish_job, run.jobs[0].id, result(JobState::running), 0));
}

TEST_F(Jobs, a_backup_leaves_an_archive) {
  const auto ended = back_up(1, backup(JobState::warning, "a file could not be read"));
  ASSERT_TRUE(ended.archive);
  const Archive a = good(ask<Archive>(&Store::get_archive, std::string{"etc-web-1"}));
  EXPECT_EQ(std::tie(a.name, a.borg_id, a.policy, a.client, a.repository, a.borg_url),
            std::forward_as_tuple("etc-web-1", kId, "etc", "web", "vault", kWebUrl));
  EXPECT_EQ(std::tie(a.original_size, a.compressed_size, a.deduplicated_size, a.nfiles, a.duration),
            std::forward_as_tuple(1000, 500, 100, 7, 1'500'000));
  EXPECT_EQ(a.created, ended.job.finished);
  EXPECT_FALSE(back_up(2, backup(JobState::failed)).archive);
  EXPECT_EQ(ask<Archive>(&Store::get_archive, std::string{"etc-web-2"}).error().code,
            ErrorCode::no_such_archive);
}

TEST_F(Jobs, an_archive_name_in_two_repositories_needs_the_repository) {
  back_up(1, backup(JobState::successful));
  NewRun run = new_run("00000000-0000-4000-8000-000000000001");
  run.jobs = {run.jobs[2]};
  run.jobs[0].after = {};
  run.jobs[0].repository = "local";
  run.jobs[0].borg_url = "/srv/backup";
  finish(good(ask<CreatedRun>(&Store::create_run, run)).jobs[0].id, backup(JobState::successful));
  const auto ambiguous = ask<Archive>(&Store::get_archive, std::string{"etc-web-1"});
  ASSERT_FALSE(ambiguous);
  EXPECT_EQ(ambiguous.error().message, "archive etc-web-1 is in repository local and in repository vault");
  EXPECT_EQ(good(ask<Archive>(&Store::get_archive, std::string{"vault::etc-web-1"})).borg_url, kWebUrl);
  EXPECT_EQ(good(ask<Archive>(&Store::get_archive, std::string{"local::etc-web-1"})).borg_url, "/srv/backup");
}

TEST_F(Jobs, results_of_hostile_clients_are_stored_all_the_same) {
  JobResult end = backup(JobState::warning, std::string("bad \xff name \0 here", 16));
  end.warnings = {"\xc3\x28", "\xed\xa0\x80", "good \xc3\xa4 \xf0\x9f\x98\x80"};
  end.facts["a\xff"] = std::string("x\0y", 3);
  end.facts["list"].append("\x80");
  end.archive["original_size"] = 1e300;
  end.archive["nfiles"] = "many";
  end.archive["duration"] = -1e308;
  const auto ended = back_up(1, end);
  EXPECT_EQ(ended.job.reason, "bad \xef\xbf\xbd name \xef\xbf\xbd her");
  const auto stored = record(ended.job.id).result;
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->warnings[2], end.warnings[2]);
  EXPECT_EQ(stored->warnings[1], "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(ended.archive->original_size, 0);
}

TEST_F(Jobs, the_fleet_knows_last_success_and_last_end) {
  EXPECT_EQ(good(ask<std::vector<FleetRow>>(&Store::fleet_status)).size(), 4U);
  EXPECT_EQ(status().last_end, 0);
  EXPECT_FALSE(status().last_end_state);
  const auto good_one = back_up(1, backup(JobState::successful), 5'000'000);
  const auto bad_one = back_up(2, result(JobState::failed, "no space"), 6'000'000);
  // Found late, in its state directory: not news.
  back_up(3, result(JobState::canceled), 4'000'000);
  const FleetRow row = status();
  EXPECT_EQ(row.last_success, 5'000'000);
  EXPECT_EQ(row.last_success_job, good_one.job.id);
  EXPECT_EQ(row.last_success_archive, "etc-web-1");
  EXPECT_EQ(row.last_end, 6'000'000);
  EXPECT_EQ(row.last_end_job, bad_one.job.id);
  EXPECT_EQ(row.last_end_state, JobState::failed);
  EXPECT_EQ(row.last_end_reason, "no space");
}

TEST_F(Jobs, the_fleet_knows_when_an_archive_was_proven) {
  const auto verify = [&](int number, JobState state, const char* proven, Microseconds finished) {
    NewRun run = new_run("00000000-0000-4000-8000-00000000020" + std::to_string(number));
    run.jobs = {run.jobs[2]};
    run.jobs[0].kind = JobKind::verify;
    run.jobs[0].after = {};
    JobResult end = result(state, "said " + std::to_string(number));
    end.facts["proven"] = proven;
    end.facts["archive"] = "etc-web-" + std::to_string(number);
    end.facts["restore_duration"] = 1234;
    return finish(good(ask<CreatedRun>(&Store::create_run, run)).jobs[0].id, std::move(end), finished).job.id;
  };
  EXPECT_EQ(status().proven, 0);
  EXPECT_FALSE(status().verify_state);
  const auto proven = verify(1, JobState::warning, "compared", 5'000'000);
  const auto failed = verify(2, JobState::failed, "compared", 7'000'000);
  FleetRow row = status();
  EXPECT_EQ(row.proven, 5'000'000);
  EXPECT_EQ(row.proven_job, proven);
  EXPECT_EQ(row.proven_archive, "etc-web-1");
  EXPECT_EQ(row.proven_how, "compared");
  EXPECT_EQ(row.restore_duration, 1234);
  EXPECT_EQ(row.verify_end, 7'000'000);
  EXPECT_EQ(row.verify_job, failed);
  EXPECT_EQ(row.verify_state, JobState::failed);
  EXPECT_EQ(row.verify_reason, "said 2");
  // One that proves nothing, one that was canceled, and one that is found late.
  verify(3, JobState::warning, "", 8'000'000);
  verify(4, JobState::canceled, "compared", 9'000'000);
  verify(5, JobState::successful, "loaded", 4'000'000);
  verify(6, JobState::successful, "by itself", 8'500'000);
  row = status();
  EXPECT_EQ(row.proven, 5'000'000);
  EXPECT_EQ(row.proven_how, "compared");
  EXPECT_EQ(row.verify_end, 8'500'000);
  EXPECT_EQ(row.verify_state, JobState::successful);
  // The next backup does not inherit it.
  EXPECT_EQ(row.last_end, 0);
}

TEST_F(Jobs, an_archive_that_is_chosen_late_is_kept) {
  const auto job = add_run("00000000-0000-4000-8000-000000000001").jobs[0].id;
  JobUpdate chosen;
  chosen.id = job;
  chosen.archive = "etc-web-9";
  EXPECT_TRUE(update(chosen).empty());
  JobUpdate later;
  later.id = job;
  later.reason = "x";
  update(later);
  EXPECT_EQ(record(job).job.archive, "etc-web-9");
}

TEST_F(Jobs, pages_are_newest_first_and_complete) {
  const auto one = add_run("00000000-0000-4000-8000-000000000001");
  const auto two = add_run("00000000-0000-4000-8000-000000000002");
  finish(one.jobs[0].id, result(JobState::failed));
  std::vector<std::int64_t> seen;
  std::int64_t cursor = 0;
  do {
    const auto page = list({}, 4, cursor);
    for (const auto& job : page.rows) seen.push_back(job.id);
    cursor = page.next;
  } while (cursor != 0);
  ASSERT_EQ(seen.size(), 6U);
  EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
  EXPECT_EQ(list({"", "", "", {}, JobState::failed, 0}).rows.size(), 1U);
  EXPECT_EQ(list({"", "", "", {}, JobState::skipped, 0}).rows.size(), 1U);
  EXPECT_EQ(list({"", "", "", JobKind::backup, {}, 0}).rows.size(), 2U);
  EXPECT_EQ(list({"", "", "", {}, {}, two.run}).rows.size(), 3U);
  EXPECT_EQ(list({"", "", "vault", {}, {}, 0}).rows.size(), 4U);
  EXPECT_EQ(list({"etc", "web", "vault", JobKind::backup, JobState::waiting, two.run}).rows.size(), 1U);
  EXPECT_TRUE(list({"", "db", "", {}, {}, 0}).rows.empty());
  EXPECT_EQ(ask<JobRecord>(&Store::get_job, std::int64_t{4711}).error().code, ErrorCode::no_such_job);
}

TEST_F(Jobs, archives_are_paged) {
  for (int i = 1; i <= 5; ++i) back_up(i, backup(JobState::successful));
  const auto page = good(ask<Page<Archive>>(&Store::list_archives, ArchiveFilter{"etc", "web", "vault", ""},
                                            3U, std::int64_t{0}));
  ASSERT_EQ(page.rows.size(), 3U);
  EXPECT_EQ(page.rows[0].name, "etc-web-5");
  const auto rest = good(ask<Page<Archive>>(&Store::list_archives, ArchiveFilter{}, 3U, page.next));
  EXPECT_EQ(rest.rows.size(), 2U);
  EXPECT_EQ(rest.next, 0);
}

}  // namespace
}  // namespace cyborg::store::test
