-- Data that outlives what writes it. No foreign key to project and environment: the row is there until its data is
-- purged, whatever became of them.
create table volumes (
  id             text primary key,
  project_id     text not null,
  environment_id text not null,
  name           text not null,
  instance_id    text references service_instances on delete set null,  -- that mounts it
  mount_path     text not null default '',
  size_bytes     bigint not null default 0 check (size_bytes >= 0),  -- 0: no budget
  made           boolean not null default false,                     -- it is on the engine
  used_bytes     bigint,
  deleted_at     timestamptz,
  purging        boolean not null default false,  -- its data may be gone already: never restored
  version        bigint not null default 1,
  created_at     timestamptz not null,
  updated_at     timestamptz not null
);
create unique index volumes_name on volumes (environment_id, name) where deleted_at is null;
create unique index volumes_mount_path on volumes (instance_id, mount_path) where instance_id is not null;
create index volumes_project on volumes (project_id);
create index volumes_deleted on volumes (deleted_at) where deleted_at is not null;

-- A merge patch of its deploy settings that wins over its configuration file; empty: none.
alter table deployments add column once text not null default '';
