-- The catalog: what every archive contains. The archives of one policy, client and borg repository are a
-- series, numbered in their order; a file that stays the same over a thousand of them is one row, valid from
-- the first to the last of these numbers. Each series has tables of its own, so that dropping one costs
-- nothing and no series waits for another:
--   catalog.directory_N  id, path                         paths are without a leading slash, the top is ''
--   catalog.node_N       id, dir, name                    each path that ever was, once
--   catalog.version_N    node, first … last, attributes   last 2147483647: as it is in the newest archive
-- Jobs write them, as a role of their own that may do nothing else in this database.
create extension if not exists pg_trgm with schema public;

alter table policy add column catalog boolean not null default true;

create schema catalog;
create table catalog.series (
  id              integer generated always as identity primary key,
  policy          text not null,
  client          text not null,
  borg_repository bigint not null references borg_repository (id) on delete restrict,
  newest          integer not null default 0,  -- number of its newest archive
  -- the last ids that were given
  directories     integer not null default 0,
  nodes           integer not null default 0,
  owners          integer not null default 0,
  constraint series_key unique (client, policy, borg_repository)
);
create table catalog.archive (
  series  integer not null references catalog.series (id) on delete cascade,
  number  integer not null,
  archive bigint not null,
  primary key (series, number),
  constraint archive_key unique (archive)
);
create table catalog.owner (
  series  integer not null references catalog.series (id) on delete cascade,
  id      integer not null,
  "user"  text not null,
  "group" text not null,
  primary key (series, id)
);

create function catalog.size() returns bigint language sql stable as $$
  select coalesce(sum(pg_total_relation_size(oid)), 0)::bigint from pg_class
    where relnamespace = 'catalog'::regnamespace and relkind = 'r'
$$;

-- Rows are written once and read in the order of their writing; few die, and what they leave is used again
-- soon.
create function catalog.make_tables(series integer) returns void language plpgsql as $$
declare
  storage constant text := 'with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)';
begin
  execute format('create table catalog.directory_%s (id integer not null, path text not null) %s', series, storage);
  execute format('create table catalog.node_%s (id integer not null, dir integer not null, name text not null) %s',
                 series, storage);
  -- The wide columns first: then nothing is lost to alignment.
  execute format('create table catalog.version_%s (size bigint not null, mtime bigint not null,'
                 ' node integer not null, first integer not null, last integer not null, mode integer not null,'
                 ' owner integer not null, link text not null) %s', series, storage);
  execute format('alter table catalog.directory_%1$s add primary key (id);'
                 'create unique index on catalog.directory_%1$s (path);'
                 'create index on catalog.directory_%1$s using gin (path public.gin_trgm_ops);'
                 'alter table catalog.node_%1$s add primary key (id);'
                 'create unique index on catalog.node_%1$s (dir, name);'
                 'create index on catalog.node_%1$s using gin (name public.gin_trgm_ops);'
                 'alter table catalog.version_%1$s add primary key (node, first);'
                 'create index on catalog.version_%1$s (first);'
                 'create index on catalog.version_%1$s (last) where last < 2147483647', series);
  if exists (select from pg_roles where rolname = 'cyborg') then
    execute format('grant select, insert, update, delete on catalog.directory_%1$s, catalog.node_%1$s,'
                   ' catalog.version_%1$s to cyborg', series);
  end if;
end $$;

-- Takes out what was in no archive but those between two numbers.
create function catalog.forget_between(series integer, below integer, above integer) returns void
  language plpgsql as $$
declare
  dead integer[];
begin
  execute format('with v as (delete from catalog.version_%s where first > $1 and last < $2 and last < 2147483647'
                 ' returning node) select array_agg(distinct node) from v', series)
    into dead using below, above;
  execute format('delete from catalog.node_%1$s n where id = any($1)'
                 ' and not exists (select from catalog.version_%1$s v where v.node = n.id)', series) using dead;
end $$;

-- The same for the archives that are gone from the repository: between those that are kept. What the newest archive has stays, for the next one to be compared with.
create function catalog.forget_removed(series integer) returns void language plpgsql as $$
declare
  gone integer[];
  below integer;
  above integer;
  done integer := -1;
  one integer;
begin
  with removed as (delete from catalog.archive c using public.archive a
                     where c.series = $1 and a.id = c.archive and a.removed is not null returning c.number)
    select array_agg(number order by number) into gone from removed;
  foreach one in array coalesce(gone, '{}') loop
    select coalesce(max(number), 0) into below from catalog.archive c where c.series = $1 and c.number < one;
    continue when below = done;
    done := below;
    select min(number) into above from catalog.archive c where c.series = $1 and c.number > one;
    perform catalog.forget_between(series, below, coalesce(above, 2147483647));
  end loop;
end $$;

-- The place of an archive, for the job that reads it; locks its series until the end of the transaction.
-- status: "new", "known" (it is catalogued), "older" (than the newest that is), "unknown" (no such archive).
create function catalog.open(url text, name text, out series integer, out number integer, out archive bigint,
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
                 when exists (select from catalog.archive c where c.series = open.series and c.archive > wanted.id)
                 then 'older' else 'new' end;
end $$;

create function catalog.drop_series(series integer) returns void language plpgsql as $$
begin
  execute format('drop table if exists catalog.version_%1$s, catalog.node_%1$s, catalog.directory_%1$s', series);
  delete from catalog.series s where s.id = drop_series.series;
end $$;

-- Lets the role of the jobs in, once it exists (scripts/setup-database makes it).
create function catalog.admit() returns void language plpgsql as $$
begin
  if not exists (select from pg_roles where rolname = 'cyborg')
     or has_schema_privilege('cyborg', 'catalog', 'usage') then
    return;
  end if;
  execute format('grant connect on database %I to cyborg', current_database());
  grant usage on schema catalog to cyborg;
  grant select, insert, update, delete on all tables in schema catalog to cyborg;
  grant execute on function catalog.open(text, text) to cyborg;
end $$;
revoke all on function catalog.open(text, text), catalog.make_tables(integer), catalog.drop_series(integer),
  catalog.forget_removed(integer),   catalog.admit() from public;
