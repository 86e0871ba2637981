-- Backups outlive what they were made from, so nothing here has a foreign key to it: the names are those of the day.
create table backups (
  id               text primary key,
  seq              bigserial not null unique,  -- the order in which they were begun; clocks move
  project_id       text not null,
  environment_id   text not null,
  service_id       text not null,
  instance_id      text not null,
  project          text not null,
  environment      text not null,
  service          text not null,
  from_template    text not null,
  image            text not null,
  kind             text not null,
  trigger          text not null,
  schedule         text not null default '',
  status           text not null,
  reason           text not null default '',
  destination      text not null,
  object_key       text not null,
  extension        text not null,
  bytes            bigint not null default 0,
  stored_bytes     bigint not null default 0,
  sha256           text not null default '',
  manifest_before  text not null default '',
  manifest_after   text not null default '',
  created_at       timestamptz not null,
  finished_at      timestamptz,
  verified_at      timestamptz,
  verify_reason    text not null default '',
  locked           boolean not null default false
);
create index backups_instance on backups (instance_id, seq);
create index backups_project on backups (project_id, seq);

-- An instance with a row here and none below wants no backups; one without a row never had a say.
create table backup_plans (
  instance_id  text primary key,
  since        timestamptz not null
);
create table backup_schedules (
  instance_id      text not null references backup_plans on delete cascade,
  name             text not null,
  cron             text not null,
  keep_count       integer not null,
  keep_seconds     bigint not null,
  enabled          boolean not null,
  last_started_at  timestamptz not null,
  failures         integer not null default 0,
  primary key (instance_id, name)
);

create table backup_restores (
  id           text primary key,
  backup_id    text not null,
  instance_id  text not null,
  safety_id    text not null default '',
  fresh        boolean not null,
  status       text not null,
  reason       text not null default '',
  created_at   timestamptz not null,
  finished_at  timestamptz
);
create index backup_restores_instance on backup_restores (instance_id, created_at);

create table backup_destinations (
  name               text primary key,
  kind               text not null check (kind in ('directory', 's3')),
  path               text not null default '',
  endpoint           text not null default '',
  region             text not null default '',
  bucket             text not null default '',
  prefix             text not null default '',
  access_key_id      text not null default '',
  secret_access_key  bytea,  -- encrypted
  path_style         boolean not null default true,
  preferred          boolean not null default false,
  created_at         timestamptz not null
);
create unique index backup_destinations_preferred on backup_destinations (preferred) where preferred;
