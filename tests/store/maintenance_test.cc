// SPDX-License-Identifier: GPL-3.0-or-later
// Maintenance of borg repositories: schedules, when it was done, damage; the effects of listings; when
// archives will be removed.
#include <set>

#include "fixture.h"

namespace cyborg::store::test {
namespace {

class MaintenanceTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
    for (const auto& job : add_run().jobs) finish(job.id, prepared(job));
  }
  static JobResult prepared(const Job& job) {
    JobResult end = result(JobState::successful);
    if (job.kind == JobKind::prepare_repository) end.facts["borg_id"] = kId;
    if (job.kind == JobKind::backup) end.archive["id"] = kId;
    return end;
  }
  Job add_job(JobKind kind, const Json::Value& details = Json::objectValue, const std::string& policy = "") {
    static int number = 0;
    NewRun run;
    run.token = "00000000-0000-4000-8000-0000000a" + std::to_string(1000 + number++);
    NewJob& job = run.jobs.emplace_back();
    job.kind = kind;
    job.policy = policy;
    job.client = "web";
    job.repository = "vault";
    job.borg_url = kWebUrl;
    job.details = details;
    return good(ask<CreatedRun>(&Store::create_run, run)).jobs.at(0);
  }
  FinishedJob check(JobState state, const std::string& code, std::int64_t max_duration = 0,
                    bool complete = true) {
    Json::Value details{Json::objectValue};
    details["max_duration"] = Json::Int64{max_duration};
    JobResult end = result(state);
    end.code = AnyCode{code};
    end.facts["complete"] = complete;
    return finish(add_job(JobKind::check, details).id, end);
  }
  MaintenanceStatus status() { return good(ask<MaintenanceStatus>(&Store::maintenance_status)); }
  MaintenanceRow row(JobKind kind, const std::string& policy = "") {
    for (const auto& one : status().rows) {
      if (one.kind == kind && one.policy == policy) return one;
    }
    return {};
  }
  static Json::Value archive(const std::string& name, char id, std::int64_t created) {
    Json::Value one{Json::objectValue};
    one["name"] = name;
    one["id"] = std::string(64, id);
    one["created"] = Json::Int64{created};
    return one;
  }
  // Records a listing of the repository.
  FinishedJob list(const std::vector<Json::Value>& archives, const std::vector<Json::Value>& imported = {},
                   const std::string& policy = "", JobState state = JobState::successful) {
    JobResult end = result(state);
    end.facts["archives"] = Json::Value{Json::arrayValue};
    end.facts["imported"] = Json::Value{Json::arrayValue};
    for (const auto& one : archives) end.facts["archives"].append(one);
    for (const auto& one : imported) end.facts["imported"].append(one);
    return finish(add_job(JobKind::list, Json::objectValue, policy).id, end);
  }
  std::string shown(const std::string& state = "") {
    const std::vector<std::string> urls{kWebUrl};
    std::string text;
    for (const auto& one : good(ask<Page<RepositoryArchive>>(&Store::list_repository_archives, urls, state,
                                                             100U, std::int64_t{0}))
                               .rows) {
      text += one.name + " " + one.state + "; ";
    }
    return text;
  }
  const Json::Value own_ = archive("etc-web-1", 'a', 1'700'000'000'000'000);
};

TEST_F(MaintenanceTest, a_repository_keeps_its_schedules) {
  Repository vault = load().repositories.at(1);
  ASSERT_EQ(vault.name, "vault");
  vault.check_schedule = "nightly";
  vault.check_max_duration = "30min";
  vault.check_max_duration_seconds = std::chrono::minutes{30};
  vault.compact_schedule = "nightly";
  good(ask<void>(&Store::put_repository, vault, false, std::vector<Secret>{}));
  const Repository stored = load().repositories.at(1);
  EXPECT_EQ(std::tie(stored.check_schedule, stored.compact_schedule, stored.check_max_duration),
            std::tie(vault.check_schedule, vault.compact_schedule, vault.check_max_duration));
  EXPECT_EQ(stored.check_max_duration_seconds, vault.check_max_duration_seconds);
  vault.check_schedule = "never";
  const auto unknown = ask<void>(&Store::put_repository, vault, false, std::vector<Secret>{});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::no_such_schedule);

  const auto refused = ask<std::vector<Policy>>(&Store::remove_schedule, std::string{"nightly"}, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::in_use);
  EXPECT_NE(refused.error().message.find("repository vault"), std::string::npos) << refused.error().message;
  good(ask<std::vector<Policy>>(&Store::remove_schedule, std::string{"nightly"}, true));
  EXPECT_EQ(load().repositories.at(1).check_schedule, "");
}

TEST_F(MaintenanceTest, an_elapse_is_known_by_what_it_starts) {
  constexpr Microseconds kElapse = 1'767'225'600'123'456;
  const auto create = [&](const std::string& token, const std::string& kind, const std::string& repository) {
    NewRun run;
    run.token = "00000000-0000-4000-8000-00000000b" + token;
    run.maintenance = kind;
    run.repository = repository;
    run.scheduled = kElapse;
    return good(ask<CreatedRun>(&Store::create_run, run));
  };
  const auto first = create("001", "check", "vault");
  EXPECT_FALSE(first.existed);
  const auto again = create("002", "check", "vault");
  EXPECT_TRUE(again.existed);
  EXPECT_EQ(again.run, first.run);
  EXPECT_FALSE(create("003", "compact", "vault").existed);
  EXPECT_FALSE(create("004", "check", "local").existed);
  EXPECT_FALSE(add_run("00000000-0000-4000-8000-00000000b005", kElapse).existed)
      << "nor is it a policy's run";
}

TEST_F(MaintenanceTest, the_last_of_each_kind_is_kept) {
  EXPECT_EQ(row(JobKind::check).last_end, 0);
  const auto first = check(JobState::successful, "ok");
  EXPECT_EQ(row(JobKind::check).last_success_job, first.job.id);
  EXPECT_GT(row(JobKind::check).last_whole, 0);
  const auto whole = row(JobKind::check).last_whole;
  const auto part = check(JobState::successful, "ok", 60, false);
  EXPECT_EQ(row(JobKind::check).last_success_job, part.job.id);
  EXPECT_EQ(row(JobKind::check).last_whole, whole) << "a part is not the whole";
  check(JobState::successful, "ok", 60, true);
  EXPECT_GT(row(JobKind::check).last_whole, whole) << "the last part is";
  const auto failed = check(JobState::failed, "connection-lost");
  EXPECT_EQ(row(JobKind::check).last_end_job, failed.job.id);
  EXPECT_EQ(row(JobKind::check).last_end_state, "failed");
  EXPECT_NE(row(JobKind::check).last_success_job, failed.job.id);
  finish(add_job(JobKind::prune, Json::objectValue, "etc").id, result(JobState::successful));
  finish(add_job(JobKind::prune, Json::objectValue, "other").id, result(JobState::failed));
  EXPECT_GT(row(JobKind::prune, "etc").last_success, 0);
  EXPECT_EQ(row(JobKind::prune, "other").last_success, 0) << "it does not hide behind that of another policy";
  EXPECT_EQ(row(JobKind::compact).last_end, 0);
  EXPECT_GT(status().repositories.at(kWebUrl), 0);
  EXPECT_GT(status().policies.at("etc"), 0);
}

TEST_F(MaintenanceTest, damage_stays_until_a_whole_check_finds_none) {
  EXPECT_EQ(check(JobState::failed, "connection-lost").borg_repository->damaged, 0);
  const auto found = check(JobState::failed, "damage");
  ASSERT_TRUE(found.borg_repository);
  EXPECT_GT(found.borg_repository->damaged, 0);
  EXPECT_EQ(found.borg_repository->damaged_job, found.job.id);
  EXPECT_GT(load().borg_repositories.at(0).damaged, 0);
  EXPECT_GT(check(JobState::successful, "ok", 60, true).borg_repository->damaged, 0) << "a part says nothing";
  EXPECT_GT(check(JobState::canceled, "canceled").borg_repository->damaged, 0);
  EXPECT_EQ(check(JobState::successful, "ok").borg_repository->damaged, 0);
  EXPECT_EQ(load().borg_repositories.at(0).damaged, 0);
}

TEST_F(MaintenanceTest, damage_is_known_by_its_code_whatever_job_met_it) {
  const auto met = [&](JobKind kind, const std::string& code) {
    JobResult end = result(JobState::failed, "the repository is damaged or was tampered with");
    end.code = AnyCode{code};
    finish(add_job(kind).id, end);
    return load().borg_repositories.at(0).damaged;
  };
  for (const char* code : {"damage-suspected", "archive-damaged", "borg-error"}) {
    EXPECT_EQ(met(JobKind::verify, code), 0) << code;
  }
  for (const auto kind : {JobKind::verify, JobKind::restore, JobKind::backup}) {
    EXPECT_GT(met(kind, "damage"), 0) << to_string(kind);
    EXPECT_EQ(check(JobState::successful, "ok").borg_repository->damaged, 0);
  }
}

TEST_F(MaintenanceTest, a_listing_tells_what_is_foreign_and_what_is_missing) {
  const auto good_one = list({own_, archive("other", 'c', 1'600'000'000'000'000)});
  EXPECT_EQ(good_one.job.state, JobState::successful);
  EXPECT_EQ(good_one.job.reason, "2 archives, 1 that the history does not have");
  EXPECT_EQ(shown(), "etc-web-1 known; other foreign; ");
  const auto bad = list({archive("other", 'c', 1'600'000'000'000'000)});
  EXPECT_EQ(bad.job.state, JobState::warning);
  EXPECT_NE(bad.job.reason.find("1 of the history's are missing"), std::string::npos) << bad.job.reason;
  EXPECT_EQ(shown("missing"), "etc-web-1 missing; ");
  EXPECT_EQ(status().listings.at(kWebUrl).missing, 1);
  EXPECT_EQ(status().listings.at(kWebUrl).foreign, 1);
  EXPECT_GT(good(ask<Archive>(&Store::get_archive, std::string{"etc-web-1"})).missing, 0);
  EXPECT_TRUE(good(ask<Series>(&Store::get_series, std::string{"etc"}, std::string{"web"},
                               std::string{kWebUrl}, std::string{}))
                  .archives.at(0)
                  .missing);
  EXPECT_EQ(list({archive("other", 'c', 1'600'000'000'000'000)}).job.state, JobState::successful)
      << "that it is missing was said";
  list({own_});
  EXPECT_EQ(shown(), "etc-web-1 known; ") << "it came back";
  const auto record = good(ask<JobRecord>(&Store::get_job, bad.job.id));
  EXPECT_EQ(record.result->facts["archives"], 1) << "the listing itself is not kept with the job";
}

TEST_F(MaintenanceTest, a_listing_that_failed_changes_nothing) {
  list({}, {archive("other", 'c', 1)}, "", JobState::failed);
  EXPECT_EQ(shown(), "etc-web-1 known; ");
  EXPECT_FALSE(status().listings.contains(kWebUrl));
}

TEST_F(MaintenanceTest, foreign_archives_are_taken_over) {
  Json::Value old = archive("other", 'c', 1'600'000'000'000'000);
  old["original_size"] = 1000;
  old["nfiles"] = 3;
  old["duration"] = 1.5;
  const auto taken = list({own_, old}, {old}, "etc");
  ASSERT_EQ(taken.imported.size(), 1U);
  const Archive imported = good(ask<Archive>(&Store::get_archive, std::string{"other"}));
  EXPECT_EQ(std::tie(imported.policy, imported.client, imported.repository),
            std::tuple(std::string{"etc"}, std::string{"web"}, std::string{"vault"}));
  EXPECT_EQ(imported.created, 1'600'000'000'000'000);
  EXPECT_EQ(std::tuple(imported.original_size, imported.nfiles), std::tuple(1000, 3));
  EXPECT_EQ(imported.job, taken.job.id);
  EXPECT_EQ(shown(), "etc-web-1 known; other known; ");
  EXPECT_TRUE(list({own_, old}, {old}).imported.empty()) << "what is known is not taken again";
  EXPECT_EQ(good(ask<Archive>(&Store::get_archive, std::string{"other"})).policy, "etc");
}

TEST_F(MaintenanceTest, the_catalog_takes_over_what_is_not_older_than_what_it_has) {
  sql("select catalog.open('" + std::string{kWebUrl} + "', 'etc-web-1')");
  sql("insert into catalog.archive select s.id, 1, a.id from catalog.series s, archive a where a.name = "
      "'etc-web-1'");
  const Json::Value old = archive("older", 'c', 1'600'000'000'000'000);
  EXPECT_TRUE(list({own_, old}, {old}, "etc").imported.empty());
  EXPECT_EQ(sql("select status from catalog.open('" + std::string{kWebUrl} + "', 'older')"), "older");
  const Json::Value alone = archive("alone", 'd', 1'600'000'000'000'000);
  EXPECT_EQ(list({own_, old, alone}, {alone}).imported.size(), 1U)
      << "without a policy it is a series of its own";
}

TEST_F(MaintenanceTest, a_repository_has_one_size_a_day_and_the_last_holds) {
  const auto backup = [&](std::int64_t size, Microseconds finished, JobState state = JobState::successful) {
    JobResult end = result(state);
    end.archive["id"] = kId;
    if (size > 0) end.facts["repository_size"] = Json::Int64{size};
    finish(add_job(JobKind::backup, Json::objectValue, "etc").id, end, finished);
  };
  const auto sizes = [&] { return status().sizes; };
  EXPECT_FALSE(sizes().contains(kWebUrl));
  const Microseconds now = std::stoll(sql("select usec(now())"));
  constexpr Microseconds kDay = 86'400 * Microseconds{1'000'000};
  backup(100, now - 40 * kDay);
  EXPECT_EQ(sizes().at(kWebUrl).now, 100);
  EXPECT_EQ(sizes().at(kWebUrl).measured, now - 40 * kDay);
  EXPECT_EQ(sizes().at(kWebUrl).week_ago, 100) << "nothing was written since";
  EXPECT_EQ(sizes().at(kWebUrl).month_ago, 100);
  backup(200, now - 8 * kDay);
  backup(300, now - 3 * kDay);
  backup(0, now - 2 * kDay);
  backup(999, now - 1 * kDay, JobState::failed);
  backup(250, now - 3 * kDay - 1000);  // recorded late
  const auto size = sizes().at(kWebUrl);
  EXPECT_EQ(std::tie(size.now, size.week_ago, size.month_ago), std::tuple(300, 200, 100));
  EXPECT_EQ(sql("select count(*) from repository_size"), "3");
}

TEST_F(MaintenanceTest, what_has_ended_since_a_time_is_found_also_if_it_is_gone) {
  const auto jobs = [&](Microseconds since) {
    JobFilter filter;
    filter.since = since;
    std::set<std::int64_t> ids;
    for (const auto& job : good(ask<Page<Job>>(&Store::list_jobs, filter, 100U, std::int64_t{0})).rows)
      ids.insert(job.id);
    return ids;
  };
  const auto archives = [&](Microseconds since) {
    ArchiveFilter filter;
    filter.since = since;
    filter.client = "web";
    return good(ask<Page<Archive>>(&Store::list_archives, filter, 100U, std::int64_t{0})).rows;
  };
  const auto waiting = add_job(JobKind::compact).id;
  const Microseconds later = std::stoll(sql("select usec(now())"));
  const auto done = finish(add_job(JobKind::check).id, result(JobState::failed)).job.id;
  EXPECT_EQ(jobs(later), (std::set{waiting, done}));
  EXPECT_EQ(jobs(1).size(), 5U) << "and the three of the first run";
  EXPECT_TRUE(archives(later).empty());
  ASSERT_EQ(archives(1).size(), 1U);
  EXPECT_EQ(archives(1).at(0).removed, 0);
  sql("update archive set removed = now()");
  ASSERT_EQ(archives(1).size(), 1U);
  EXPECT_GT(archives(1).at(0).removed, 0);
  EXPECT_TRUE(
      good(ask<Page<Archive>>(&Store::list_archives, ArchiveFilter{}, 100U, std::int64_t{0})).rows.empty());
}

TEST_F(MaintenanceTest, the_day_is_found_on_which_an_archive_goes) {
  constexpr Microseconds kDay = 86'400 * Microseconds{1'000'000};
  const Archive mine = good(ask<Archive>(&Store::get_archive, std::string{"etc-web-1"}));
  ForecastRequest request{"etc", "web", kWebUrl, "Europe/Berlin", mine.id, {}, 1, {}};
  for (int day = 1; day <= 700; ++day) request.elapses.push_back(mine.created + day * kDay);
  const auto foresee = [&] { return good(ask<Microseconds>(&Store::foresee_removal, request)); };
  EXPECT_EQ(foresee(), 0) << "without a rule, never";
  request.keep.last = 600;
  EXPECT_EQ(foresee(), mine.created + 600 * kDay);
  request.keep.last = 800;
  EXPECT_EQ(foresee(), 0) << "too far away";
  request.keep = {};
  request.keep.daily = 3;
  EXPECT_EQ(foresee(), mine.created + 3 * kDay);
}

}  // namespace
}  // namespace cyborg::store::test
