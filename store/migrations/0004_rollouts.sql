-- How far each take-over has come, who answers for which host, and which daemon may act.
alter table deployments
  add column rollout_step  integer not null default 0,
  add column rollout_since timestamptz,
  add column rollout_order text not null default 'NONE',
  add column succeeded_at  timestamptz;  -- when it served first; null: never
update deployments d set succeeded_at = coalesce(
  (select min(e.at) from events e where e.deployment_id = d.id and e.type = 'deployment.succeeded'),
  case when d.status in ('SUCCESS', 'CRASHED', 'SLEEPING') then d.updated_at end);

-- Hosts that people gave their services; in lower case.
create table domains (
  host        text primary key,
  instance_id text not null references service_instances on delete cascade,
  created_at  timestamptz not null
);
create index domains_instance on domains (instance_id);

-- A share of the requests that another instance answers. A target that is gone leaves a share of nothing.
alter table service_instances
  add column split_to      text references service_instances on delete set null,
  add column split_percent integer not null default 0 check (split_percent between 0 and 100);
create index service_instances_split on service_instances (split_to) where split_to is not null;

-- Which daemon acts for the installation. Its writes lock the row shared, so that a new holder waits for them.
create table lease (
  only_row   boolean primary key default true check (only_row),
  holder     text not null,
  term       bigint not null,
  expires_at timestamptz not null
);
insert into lease (holder, term, expires_at) values ('', 0, 'epoch');
