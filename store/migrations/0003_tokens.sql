-- Tokens of one environment beside those of the account. A name is for people: two tokens may have the same.
alter table tokens
  drop constraint tokens_name_key,
  add column kind           text not null default 'account',
  add column project_id     text references projects on delete cascade,
  add column environment_id text references environments on delete cascade,
  add column expires_at     timestamptz,
  add column last_used_at   timestamptz,
  add constraint tokens_kind check (
    kind = 'account' and project_id is null and environment_id is null or
    kind = 'project' and project_id is not null and environment_id is not null);
create index tokens_project on tokens (project_id) where project_id is not null;
create index tokens_environment on tokens (environment_id) where environment_id is not null;
