// SPDX-License-Identifier: GPL-3.0-or-later
// Deleting old history: what is deleted, what is kept, and that nothing waits for it.
#include "fixture.h"

namespace cyborg::store::test {
namespace {

// Jobs are identified by their reasons. All ended long ago unless they say otherwise.
constexpr const char* kJobs = R"(
insert into borg_repository (repository, client, url, ready, borg_id)
  values ('vault', 'web', 'ssh://borg@vault/./web', true, repeat('a', 64));
insert into run (token, policy, created) select gen_random_uuid(), 'etc', now() - interval '2 years'
  from generate_series(1, 2);
insert into job (run, kind, state, policy, client, repository, reason, created, finished, output_lines, unit)
  select 1, kind, state, 'etc', 'web', 'vault', what, at, at, 0, 'u' from (values
    ('prepare-client', 'successful', 'first look at a client', now() - interval '2 years'),
    ('prepare-client', 'successful', 'last look at a client', now() - interval '2 years'),
    ('backup', 'failed', 'old', now() - interval '2 years'),
    ('backup', 'skipped', 'old, and waited for the one before', now() - interval '2 years'),
    ('backup', 'successful', 'made an archive', now() - interval '2 years'),
    ('backup', 'successful', 'made an archive that went long ago', now() - interval '2 years'),
    ('backup', 'successful', 'made an archive that went lately', now() - interval '2 years'),
    ('backup', 'successful', 'made an archive that the catalog has', now() - interval '2 years'),
    ('backup', 'successful', 'last success', now() - interval '2 years'),
    ('backup', 'failed', 'last end', now() - interval '2 years'),
    ('check', 'successful', 'last check', now() - interval '2 years'),
    ('verify', 'successful', 'last proof', now() - interval '2 years'),
    ('check', 'failed', 'found damage', now() - interval '2 years'),
    ('backup', 'failed', 'its output is on its way', now() - interval '2 years'),
    ('backup', 'successful', 'is waited for', now() - interval '2 years'),
    ('prune', 'successful', 'removed long ago', now() - interval '2 years'),
    ('prune', 'successful', 'removed lately', now()),
    ('backup', 'failed', 'young', now() - interval '300 days')) job (kind, state, what, at);
insert into job (run, kind, state, policy, client, repository, reason)
  values (1, 'prune', 'waiting', 'etc', 'web', 'vault', 'waits');
update job set output_lines = null where reason = 'its output is on its way';
insert into job_dependency select j.id, p.id from job j, job p where (j.reason, p.reason) in
  (('old, and waited for the one before', 'old'), ('waits', 'is waited for'));
insert into job_output select id, 0, 0, 1, '6 1 x' from job where reason in ('old', 'young');
insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created, removed, removed_by)
  select 1, reason, repeat('a', 64), id, 'etc', 'web', 'vault', finished,
         case when reason ~ 'lately' then now() when reason ~ 'long ago|catalog' then now() - interval '2 years' end,
         case when reason ~ 'lately' then (select id from job where reason = 'removed lately')
              when reason ~ 'long ago|catalog' then (select id from job where reason = 'removed long ago') end
  from job where reason like 'made %';
insert into catalog.series (policy, client, borg_repository) values ('etc', 'web', 1);
insert into catalog.archive select 1, 1, id from archive where name like '%catalog%';
insert into backup_status (policy, client, repository, last_success_job, last_end_job) select 'etc', 'web', 'vault',
  (select id from job where reason = 'last success'), (select id from job where reason = 'last end');
insert into maintenance_status (borg_repository, kind, policy, client, last_success_job)
  select 1, 'check', '', '', id from job where reason = 'last check';
insert into proof (policy, client, repository, proven_job)
  select 'etc', 'web', 'vault', id from job where reason = 'last proof';
update borg_repository set damaged = now(), damaged_job = (select id from job where reason = 'found damage');
insert into job (run, kind, state, reason, finished) values (2, 'backup', 'skipped', 'alone in its run', now() - interval '2 years');
)";

class HistoryTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    add_objects();
  }
  void run_script(const char* script) {
    auto connection = good(Connection::open(Cluster::shared().conninfo(database_)));
    good(connection.run_script(script, std::chrono::minutes{2}));
  }
  // Deletes everything older than a year; returns the number of jobs. No part may take longer.
  std::int64_t forget(std::chrono::milliseconds longest = std::chrono::seconds{10}) {
    const std::int64_t before = std::stoll(sql("select usec(now() - interval '1 year')"));
    std::int64_t jobs = 0;
    for (std::int64_t after = 0;;) {
      const auto start = std::chrono::steady_clock::now();
      const auto part = good(ask<ForgottenHistory>(&Store::forget_history, before, after));
      EXPECT_LT(std::chrono::steady_clock::now() - start, longest);
      jobs += part.jobs;
      if (!part.more) return jobs;
      after = part.last;
    }
  }
  std::string reasons() { return sql("select string_agg(reason, '; ' order by reason) from job"); }
};

TEST_F(HistoryTest, only_what_nothing_needs_goes) {
  run_script(kJobs);
  const std::int64_t before = std::stoll(sql("select count(*) from job"));
  const std::int64_t gone = forget();
  const std::string left = reasons();
  for (const char* reason : {"first look at a client", "alone in its run",
                             "old, and waited for the one before", "made an archive that went long ago"}) {
    EXPECT_EQ(left.find(reason), std::string::npos) << reason;
  }
  EXPECT_EQ(sql("select count(*) from job where reason = 'old'"), "0");
  EXPECT_EQ(gone, 5) << left;  // "removed long ago" is referred to by the archive in the catalog
  EXPECT_EQ(std::stoll(sql("select count(*) from job")), before - gone);
  EXPECT_EQ(sql("select string_agg(reason, ',') from job_output join job on id = job"), "young");
  EXPECT_EQ(sql("select count(*) from job_dependency"), "1");
  EXPECT_EQ(sql("select count(*) from archive"), "3");
  EXPECT_EQ(sql("select count(*) from run"), "1");
  EXPECT_EQ(forget(), 0);
}

TEST_F(HistoryTest, a_timers_last_elapse_stays_known) {
  run_script(
      "insert into run (token, policy, scheduled, created) select gen_random_uuid(), 'etc', at, at"
      " from generate_series(now() - interval '3 years', now() - interval '2 years', interval '1 month') at");
  forget();
  EXPECT_EQ(sql("select count(*) from run"), "1");
  EXPECT_EQ(sql("select scheduled < now() - interval '1 year' and scheduled > now() - interval '25 months' "
                "from run"),
            "t");
}

TEST_F(HistoryTest, nobody_waits_while_much_is_forgotten) {
  run_script(R"(
    set statement_timeout = 0;
    insert into borg_repository (repository, client, url) select 'vault', 'client' || n, 'u' || n
      from generate_series(0, 999) n;
    insert into run (token, policy, created) select gen_random_uuid(), 'etc', now() - interval '2 years'
      from generate_series(1, 2001);
    insert into job (run, kind, state, policy, client, repository, finished)
      select 1 + n / 25, 'backup', 'successful', 'etc', 'client' || n % 1000, 'vault',
             now() - interval '3 years' + n * interval '32 minutes' from generate_series(0, 49999) n;
    insert into job_output select id, 0, 0, 1, '6 1 x' from job;
    insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created)
      select b.id, 'a' || j.id, repeat('a', 64), j.id, j.policy, j.client, j.repository, j.finished
      from job j join borg_repository b on b.client = j.client where j.id % 10 = 0;
    insert into backup_status (policy, client, repository, last_success_job, last_end_job)
      select 'etc', client, 'vault', max(id), max(id) from job group by client;
    update job set output_lines = 1;
    analyze;
  )");
  const auto gone = forget(std::chrono::seconds{10});
  // Nine of ten of the first two thirds.
  EXPECT_NEAR(static_cast<double>(gone), 50'000 * 0.9 * (730.0 * 24 * 60 / 32 / 50'000), 500);
}

}  // namespace
}  // namespace cyborg::store::test
