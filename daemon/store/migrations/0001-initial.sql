-- The first schema. What an administrator configured refers to each other by foreign keys, all RESTRICT;
-- history (runs, jobs, archives) keeps the *names* of what it was about, so that removing an object never
-- takes history away, and never has to rewrite it. Objects are not renamed.

-- Times are timestamptz for people with psql, and microseconds since 1970 in the program.
create function usec(at timestamptz) returns bigint
  language sql stable parallel safe
  return coalesce((extract(epoch from at) * 1000000)::bigint, 0);
create function instant(microseconds bigint) returns timestamptz
  language sql stable parallel safe
  return case when microseconds <> 0
              then timestamptz '1970-01-01 00:00:00+00' + microseconds * interval '1 microsecond' end;

create domain object_name as text check (value ~ '^[a-z0-9][a-z0-9._-]{0,62}$');

-- Configuration

create table schedule (
  name                 object_name primary key,
  enabled              boolean not null default true,
  crontab              text not null default '',
  on_calendar          text not null default '',
  timezone             text not null default '',
  random_delay         text not null default '',
  random_delay_seconds bigint not null default 0,
  calendar             text[] not null default '{}',
  created              timestamptz not null default now(),
  changed              timestamptz not null default now(),
  constraint schedule_one_expression check ((crontab = '') <> (on_calendar = ''))
);

create table repository (
  name        object_name primary key,
  enabled     boolean not null default true,
  url         text not null check (url <> ''),
  encryption  text not null,
  transport   text not null,
  append_only boolean not null default false,
  shared      boolean not null default false,
  host_key    text not null default '',
  created     timestamptz not null default now(),
  changed     timestamptz not null default now(),
  constraint repository_url_key unique (url)
);

create table client (
  name             object_name primary key,
  enabled          boolean not null default true,
  local            boolean not null default false,
  address          text not null default '',
  port             integer not null default 22 check (port between 1 and 65535),
  "user"           text not null default 'root',
  jump             text not null default '',
  host_key         text not null default '',
  -- facts from the preparation
  ready            boolean not null default false,
  addresses        text[] not null default '{}',
  operating_system text not null default '',
  borg_version     text not null default '',
  hostname         text not null default '',
  created          timestamptz not null default now(),
  changed          timestamptz not null default now()
);

create table policy (
  name            object_name primary key,
  enabled         boolean not null default true,
  type            text not null check (type <> ''),
  schedule        text references schedule (name) on delete restrict,
  variables       jsonb not null default '{}' check (jsonb_typeof(variables) = 'object'),
  exclude         text[] not null default '{}',
  compression     text not null default '',
  upload_limit    bigint not null default 0 check (upload_limit >= 0),
  timeout         text not null default '',
  timeout_seconds bigint not null default 0 check (timeout_seconds >= 0),
  created         timestamptz not null default now(),
  changed         timestamptz not null default now()
);
create index policy_schedule on policy (schedule);

-- position keeps the order in which the administrator gave them.
create table policy_repository (
  policy     text not null references policy (name) on delete restrict,
  repository text not null references repository (name) on delete restrict,
  position   integer not null,
  primary key (policy, repository)
);
create index policy_repository_repository on policy_repository (repository);

create table policy_client (
  policy   text not null references policy (name) on delete restrict,
  client   text not null references client (name) on delete restrict,
  position integer not null,
  primary key (policy, client)
);
create index policy_client_client on policy_client (client);

create table setting (
  name    text primary key,
  value   text not null,
  changed timestamptz not null default now()
);

-- Sealed by the program before it gets here (libsodium); kind, owner and field are bound into the seal, so a
-- blob moved to another row does not open. public_part is what may be shown, as the public half of a key.
create table secret (
  kind        text not null,
  owner       text not null,
  field       text not null,
  sealed      bytea not null,
  public_part text not null default '',
  changed     timestamptz not null default now(),
  primary key (kind, owner, field)
);

-- What borg knows: a repository expanded for a client. It outlives both (archives and the passphrase belong to
-- it), hence names without foreign keys; client is null when the URL has no {client}.
create table borg_repository (
  id         bigint generated always as identity primary key,
  repository text not null,
  client     text,
  url        text not null,
  ready      boolean not null default false,
  borg_id    text not null default '' check (borg_id ~ '^([0-9a-f]{64})?$'),
  created    timestamptz not null default now(),
  constraint borg_repository_url_key unique (url)
);
create index borg_repository_repository on borg_repository (repository);
create index borg_repository_client on borg_repository (client);

-- History

-- token comes from the caller: a second attempt, after a connection lost during COMMIT, finds the first.
create table run (
  id        bigint generated always as identity primary key,
  token     uuid not null,
  policy    text not null default '',
  scheduled timestamptz,
  actor     text not null default '',
  node      text not null default '',
  created   timestamptz not null default now(),
  constraint run_token_key unique (token),
  constraint run_policy_scheduled_key unique (policy, scheduled)
);

create table job (
  id           bigint generated always as identity primary key,
  run          bigint references run (id) on delete restrict,
  kind         text not null,
  state        text not null check (state in ('waiting', 'pending', 'starting', 'running', 'successful',
                                              'warning', 'failed', 'error', 'canceled', 'skipped')),
  policy       text not null default '',
  client       text not null default '',
  repository   text not null default '',
  borg_url     text not null default '',
  reason       text not null default '',
  details      jsonb not null default '{}',
  archive      text not null default '',
  created      timestamptz not null default now(),
  started      timestamptz,
  finished     timestamptz,
  unit         text not null default '',
  invocation   text not null default '',
  result       jsonb,
  -- null until all that the job printed is in job_output
  output_lines bigint,
  -- for several nodes on one database: who runs it, and until when nobody else may take it over
  node         text not null default '',
  lease_until  timestamptz,
  constraint job_finished_when_ended
    check ((state in ('waiting', 'pending', 'starting', 'running')) = (finished is null))
) with (fillfactor = 90);
create index job_run on job (run, id);
create index job_policy on job (policy, id);
create index job_client on job (client, id);
create index job_repository on job (repository, id);
create index job_kind on job (kind, id);
create index job_state on job (state, id);
create index job_unfinished on job (id) where finished is null;

create table job_dependency (
  job         bigint not null references job (id) on delete restrict,
  predecessor bigint not null references job (id) on delete restrict,
  primary key (job, predecessor),
  check (job <> predecessor)
);
create index job_dependency_predecessor on job_dependency (predecessor);

-- body: lines as the job wrote them, "<priority> <microseconds> <text>\n", cut at line ends.
create table job_output (
  job        bigint not null references job (id) on delete restrict,
  part       integer not null,
  first_line bigint not null,
  line_count bigint not null,
  body       bytea not null,
  primary key (job, part)
);

create table archive (
  id                bigint generated always as identity primary key,
  borg_repository   bigint not null references borg_repository (id) on delete restrict,
  name              text not null,
  borg_id           text not null,
  job               bigint not null references job (id) on delete restrict,
  policy            text not null default '',
  client            text not null default '',
  repository        text not null default '',
  created           timestamptz not null,
  original_size     bigint not null default 0,
  compressed_size   bigint not null default 0,
  deduplicated_size bigint not null default 0,
  nfiles            bigint not null default 0,
  duration          bigint not null default 0,  -- microseconds
  constraint archive_name_key unique (borg_repository, name)
);
create index archive_name on archive (name);
create index archive_job on archive (job);
create index archive_policy on archive (policy, id);
create index archive_client on archive (client, id);
create index archive_repository on archive (repository, id);

-- The last backup of each policy, client and repository, kept by the transaction that ends a job, since the
-- state of the whole fleet must not cost a walk through its history. One row per repository: a copy that
-- fails must not hide behind one that works.
create table backup_status (
  policy               text not null,
  client               text not null,
  repository           text not null,
  last_success         timestamptz,
  last_success_job     bigint,
  last_success_archive text not null default '',
  last_end             timestamptz,
  last_end_job         bigint,
  last_end_state       text not null default '',
  last_end_reason      text not null default '',
  primary key (policy, client, repository)
);
