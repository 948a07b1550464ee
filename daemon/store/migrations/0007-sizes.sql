-- How large borg repositories are, by day, as the last backup of that day found them. And what has ended since some
-- time is found without a look at all jobs.
create table repository_size (
  borg_repository bigint not null references borg_repository (id) on delete cascade,
  day             date not null,  -- in UTC
  measured        timestamptz not null,
  size            bigint not null check (size >= 0),
  primary key (borg_repository, day)
);
create index job_finished on job (finished);
