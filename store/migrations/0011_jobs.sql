-- Runs: commands that are begun once, at a schedule's tick or because somebody asked.
create table job_runs (
  id             text primary key,
  instance_id    text not null,
  deployment_id  text not null,
  trigger        text not null,
  tick           timestamptz,
  command        text not null default '',   -- words as netstrings; empty: the deployment's own
  variables      bytea,                      -- sealed; null: none
  limit_seconds  integer not null,
  alone          boolean not null,
  status         text not null,
  reason         text not null default '',
  exit_code      integer,
  ending         text not null default '',
  ending_at      timestamptz,
  created_at     timestamptz not null,
  started_at     timestamptz,
  finished_at    timestamptz,
  constraint job_runs_tick unique (instance_id, tick)
);
create index job_runs_instance on job_runs (instance_id, id desc);
create index job_runs_open on job_runs (id) where finished_at is null;

-- Up to where the ticks of a service's schedule have been seen to.
create table job_marks (
  instance_id    text primary key,
  schedule       text not null,
  handled_until  timestamptz not null
);
