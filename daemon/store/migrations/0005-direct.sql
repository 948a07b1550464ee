-- Transport direct: clients' own keys to the repository hosts, public halves only. A row says which line of
-- authorized_keys there is ours to take away, also when its client or repository was removed.
alter table repository
  add column authorize       text not null default 'automatic' check (authorize in ('automatic', 'manual')),
  add column host_public_key text not null default '';
alter table borg_repository
  add column direct_key      text not null default '',
  add column direct_line     text not null default '',
  add column direct_manual   boolean not null default false,
  add column direct_host_key text not null default '';
