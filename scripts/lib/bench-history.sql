-- 1,000 clients, 200 policies with 25 of them each, and 200,000 jobs of history, replacing the existing ones.
-- The server's ssh key and the settings stay. The first 100 clients are the server itself, by ssh.
begin;
select catalog.drop_series(id) from catalog.series;
truncate archive, job_output, job_dependency, job, run, backup_status, borg_repository, policy_client,
  policy_repository, policy, client, repository, schedule restart identity cascade;
insert into schedule (name, crontab, calendar) values ('nightly', '0 3 * * *', '{*-*-* 3:0:0}');
insert into repository (name, url, encryption, transport)
  select 'vault' || n, 'ssh://borg@vault' || n || '/./{client}', 'repokey-blake2', 'relay' from generate_series(1, 4) n;
insert into client (name, address, ready)
  select 'client' || n, case when n <= 100 then '127.0.0.1' else 'client' || n || '.example' end, true
  from generate_series(1, 1000) n;
insert into policy (name, type, variables, schedule)
  select 'policy' || n, 'folders', '{"folders": ["/srv"]}', 'nightly' from generate_series(1, 200) n;
insert into policy_repository select 'policy' || n, 'vault' || 1 + (n + r) % 4, r
  from generate_series(1, 200) n, generate_series(1, 2) r where r = 1 or n % 4 = 0;
insert into policy_client select distinct on (1, 2) 'policy' || 1 + (c + 40 * i) % 200, 'client' || c, c
  from generate_series(1, 1000) c, generate_series(0, 4) i;
insert into borg_repository (repository, client, url, ready)
  select 'vault' || r, 'client' || c, 'ssh://borg@vault' || r || '/./client' || c, true
  from generate_series(1, 4) r, generate_series(1, 1000) c;
insert into run (token, policy, actor) select gen_random_uuid(), 'policy' || 1 + n % 200, 'timer'
  from generate_series(1, 8001) n;
insert into job (run, kind, state, policy, client, repository, borg_url, archive, started, finished, output_lines)
  select 1 + n / 25, case when n % 50 = 0 then 'prepare-client' else 'backup' end,
         case when n % 997 = 0 then 'failed' when n % 101 = 0 then 'warning' else 'successful' end,
         'policy' || 1 + (n / 25) % 200, 'client' || 1 + n % 1000, 'vault' || 1 + n % 4,
         'ssh://borg@vault' || 1 + n % 4 || '/./client' || 1 + n % 1000, 'archive-' || n, now(), now(), 0
  from generate_series(0, 199999) n;
insert into archive (borg_repository, name, borg_id, job, policy, client, repository, created)
  select b.id, j.archive, repeat('a', 64), j.id, j.policy, j.client, j.repository, j.finished
  from job j join borg_repository b on b.url = j.borg_url where j.kind = 'backup' and j.state <> 'failed';
insert into backup_status (policy, client, repository, last_success, last_end, last_end_state)
  select c.policy, c.client, r.repository, now(), now(), 'successful'
  from policy_client c join policy_repository r using (policy);
commit;
-- autovacuum would do this within a minute.
vacuum analyze;
