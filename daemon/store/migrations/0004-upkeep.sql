-- Upkeep of repositories: schedules of their own, when each kind was done last, and the damage that was found.
alter table repository add column check_schedule text references schedule (name) on delete restrict;
alter table repository add column verify_schedule text references schedule (name) on delete restrict;
alter table repository add column compact_schedule text references schedule (name) on delete restrict;
alter table repository add column check_max_duration text not null default '';
alter table repository add column check_max_duration_seconds bigint not null default 0
  check (check_max_duration_seconds >= 0);
alter table repository add column check_verify_data boolean not null default false;

alter table borg_repository add column damaged timestamptz;
alter table borg_repository add column damaged_job bigint references job (id) on delete restrict;

-- The elapse of a timer is known by what it starts: a policy's run, or a kind of upkeep of a repository.
alter table run add column upkeep text not null default '';
alter table run add column repository text not null default '';
alter table run drop constraint run_policy_scheduled_key;
alter table run add constraint run_scheduled_key unique (policy, upkeep, repository, scheduled);

-- As backup_status, for prunes, compactions, checks and verifications. Prunes and verifications by policy and client:
-- one that fails must not hide behind those of other series. last_whole: the last check that was not a part of one.
create table maintenance_status (
  borg_repository  bigint not null references borg_repository (id) on delete cascade,
  kind             text not null,
  policy           text not null,
  client           text not null,
  last_success     timestamptz,
  last_success_job bigint,
  last_whole       timestamptz,
  last_end         timestamptz,
  last_end_job     bigint,
  last_end_state   text not null default '',
  last_end_reason  text not null default '',
  primary key (borg_repository, kind, policy, client)
);

-- Listings: what a repository has. Of the history's archives, those that are not there any more; and those that
-- cyborgd did not make.
alter table archive add column missing timestamptz;
create index archive_missing on archive (borg_repository) where missing is not null and removed is null;
alter table borg_repository add column listed timestamptz;
create table foreign_archive (
  borg_repository bigint not null references borg_repository (id) on delete cascade,
  name            text not null,
  borg_id         text not null,
  created         timestamptz not null,
  primary key (borg_repository, name)
);

-- The order of archives is that of their making: one that was taken over is younger in the history than it is.
create or replace function catalog.open(url text, name text, out series integer, out number integer, out archive bigint,
                             out status text)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  wanted public.archive;
begin
  select a.* into wanted from public.archive a join public.borg_repository b on b.id = a.borg_repository
    where b.url = $1 and a.name = $2;
  if not found then
    status := 'unknown';
    return;
  end if;
  archive := wanted.id;
  insert into catalog.series as s (policy, client, borg_repository)
    values (wanted.policy, wanted.client, wanted.borg_repository) on conflict on constraint series_key do nothing
    returning s.id into series;
  if series is not null then
    perform catalog.make_tables(series);
  end if;
  select s.id, s.newest + 1 into series, number from catalog.series s
    where s.policy = wanted.policy and s.client = wanted.client and s.borg_repository = wanted.borg_repository
    for update;
  perform catalog.forget_removed(series);
  status := case when exists (select from catalog.archive c where c.archive = wanted.id) then 'known'
                 when exists (select from catalog.archive c join public.archive o on o.id = c.archive
                              where c.series = open.series and (o.created, o.id) > (wanted.created, wanted.id))
                 then 'older' else 'new' end;
end $$;
