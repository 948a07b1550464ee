-- Retention: which archives a policy keeps, and what became of those that it did not. And hooks.

-- As core/retention.h reads it: {"keep_daily": 7}; of clients that differ: {"web": {"keep_daily": 30}}.
alter table policy add column keep jsonb not null default '{}' check (jsonb_typeof(keep) = 'object');
alter table policy add column client_keep jsonb not null default '{}'
  check (jsonb_typeof(client_keep) = 'object');

-- Commands around a job's work, as core/hooks.h reads them.
alter table policy add column hooks jsonb not null default '[]' check (jsonb_typeof(hooks) = 'array');

-- What is gone from the repository stays in the history, with the job that removed it.
alter table archive add column pinned boolean not null default false;
alter table archive add column comment text not null default '';
alter table archive add column removed timestamptz;
alter table archive add column removed_by bigint references job (id) on delete restrict;
create index archive_series on archive (borg_repository, policy, client, created) where removed is null;

-- The microseconds of the program as the calendar periods of a time zone; an empty zone is the server's.
create function in_zone(at timestamptz, zone text) returns timestamp
  language sql stable parallel safe
  return at at time zone case when zone = '' then current_setting('TimeZone') else zone end;
