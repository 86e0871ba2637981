-- Desired state and history. Times are UTC; versions count the writes of a row and are its ETag.

create table installation (
  only_row   boolean primary key default true check (only_row),
  id         text not null,
  key_check  bytea not null,  -- a known text under the key of the key file: proves that the file fits
  created_at timestamptz not null
);

create table tokens (
  id         text primary key,
  name       text not null unique,
  hash       bytea not null unique,  -- BLAKE2b-256 of the secret; the secret itself is nowhere
  created_at timestamptz not null
);

create table projects (
  id         text primary key,
  name       text not null,
  version    bigint not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint projects_name unique (name)
);

create table environments (
  id           text primary key,
  project_id   text not null references projects on delete cascade,
  name         text not null,
  subnet_index integer not null check (subnet_index >= 0),
  version      bigint not null default 1,
  created_at   timestamptz not null,
  updated_at   timestamptz not null,
  constraint environments_name unique (project_id, name),
  constraint environments_subnet unique (subnet_index)
);

create table services (
  id         text primary key,
  project_id text not null references projects on delete cascade,
  name       text not null,
  version    bigint not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint services_name unique (project_id, name)
);

create table service_instances (
  id             text primary key,
  service_id     text not null references services on delete cascade,
  environment_id text not null references environments on delete cascade,
  settings       jsonb not null,
  host_label     text not null,
  restart_epoch  integer not null default 0,
  generation     bigint not null default 1,
  version        bigint not null default 1,
  created_at     timestamptz not null,
  updated_at     timestamptz not null,
  constraint service_instances_place unique (service_id, environment_id),
  constraint service_instances_host_label unique (host_label)
);
create index service_instances_environment on service_instances (environment_id);

-- instance_id null: shared by the environment. The indexes hold no written column, so that an update stays in its
-- page (HOT); the room for it is left by the fill factor.
create table variables (
  environment_id text not null references environments on delete cascade,
  instance_id    text references service_instances on delete cascade,
  name           text not null,
  value          bytea not null,  -- encrypted
  version        bigint not null default 1,
  created_at     timestamptz not null,
  updated_at     timestamptz not null
) with (fillfactor = 70);
create unique index variables_own on variables (instance_id, name) where instance_id is not null;
create unique index variables_shared on variables (environment_id, name) where instance_id is null;
create index variables_environment on variables (environment_id);

create table deployments (
  id          text primary key,
  instance_id text not null references service_instances on delete cascade,
  status      text not null,
  reason      text not null default '',
  trigger     text not null,
  settings    jsonb not null,
  variables   bytea not null,  -- encrypted
  version     bigint not null default 1,
  created_at  timestamptz not null,
  updated_at  timestamptz not null
);
create index deployments_instance on deployments (instance_id, id);
create index deployments_active on deployments (instance_id)
  where status not in ('FAILED', 'REMOVED', 'SKIPPED');

create table replicas (
  id            text primary key,
  deployment_id text not null references deployments on delete cascade,
  instance_id   text not null references service_instances on delete cascade,
  status        text not null,
  reason        text not null,
  container_id  text not null,
  node          text not null,
  address       text not null,
  ready         boolean not null,
  restarts      integer not null,
  exit_code     integer,
  started_at    timestamptz,
  exited_at     timestamptz,
  updated_at    timestamptz not null
);
create index replicas_deployment on replicas (deployment_id);
create index replicas_instance on replicas (instance_id);

-- The order of commits is (xid, seq), read only below the oldest running transaction. No foreign keys: what happened
-- to a project is kept when the project is gone.
create table events (
  xid            xid8 not null default pg_current_xact_id(),
  seq            bigserial not null,
  type           text not null,
  project_id     text not null,
  environment_id text not null,
  service_id     text not null,
  instance_id    text not null,
  deployment_id  text not null,
  replica_id     text not null,
  message        text not null,
  token_id       text not null,
  request_id     text not null,
  at             timestamptz not null,
  primary key (xid, seq)
);
create index events_project on events (project_id, xid, seq);
create index events_service on events (service_id, xid, seq) where service_id <> '';
create index events_deployment on events (deployment_id, xid, seq) where deployment_id <> '';

create table idempotency_keys (
  token_id   text not null,
  key        text not null,
  route      text not null,
  body_hash  text not null,
  status     integer not null,
  body       bytea not null,  -- encrypted: an answer may hold values
  etag       text not null,
  location   text not null,
  created_at timestamptz not null,
  primary key (token_id, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);
