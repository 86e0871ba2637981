-- What an environment asks of people, a deleted one in its grace, a token's owner, a port of the edge.
alter table environments
  add column guarded        boolean not null default false,
  add column needs_approval boolean not null default false,
  add column deleted_at     timestamptz,
  drop constraint environments_name;
create unique index environments_name on environments (project_id, name) where deleted_at is null;
create index environments_deleted on environments (deleted_at) where deleted_at is not null;

alter table tokens add column user_id text;
create index tokens_user on tokens (user_id) where user_id is not null;

alter table service_instances
  add column tcp_port        integer constraint service_instances_tcp_port unique,
  add column tcp_target_port integer;
