-- Verification: when an archive of each policy, client and repository was last proven to restore, and how the
-- last verification ended. Kept by the transaction that ends the job, as backup_status is.
create table proof (
  policy           text not null,
  client           text not null,
  repository       text not null,
  proven           timestamptz,
  proven_job       bigint,
  proven_archive   text not null default '',
  how              text not null default '' check (how in ('', 'compared', 'loaded', 'readable')),
  restore_duration bigint not null default 0,  -- microseconds
  last_end         timestamptz,
  last_end_job     bigint,
  last_end_state   text not null default '',
  last_end_reason  text not null default '',
  primary key (policy, client, repository)
);

-- Files that each archive of a policy must have.
alter table policy add column canaries text[] not null default '{}';
