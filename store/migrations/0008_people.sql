-- People and what they may do. A membership without an environment is for the whole project; one with an environment
-- takes its place there.
create table users (
  id         text primary key,
  name       text not null,
  created_at timestamptz not null,
  constraint users_name unique (name)
);

create table memberships (
  user_id        text not null references users on delete cascade,
  project_id     text not null references projects on delete cascade,
  environment_id text references environments on delete cascade,
  role           text not null check (role in ('viewer', 'editor', 'owner')),
  created_at     timestamptz not null
);
create unique index memberships_in_project on memberships (user_id, project_id) where environment_id is null;
create unique index memberships_in_environment on memberships (user_id, environment_id)
  where environment_id is not null;
create index memberships_project on memberships (project_id);
create index memberships_environment on memberships (environment_id) where environment_id is not null;

create table invitations (
  id             text primary key,
  project_id     text not null references projects on delete cascade,
  environment_id text references environments on delete cascade,
  role           text not null check (role in ('viewer', 'editor', 'owner')),
  hash           bytea not null unique,  -- BLAKE2b-256 of the secret; the secret itself is nowhere
  invited_by     text references users on delete cascade,  -- null: the operator
  created_at     timestamptz not null,
  expires_at     timestamptz not null,
  accepted_at    timestamptz,
  accepted_by    text
);
create index invitations_project on invitations (project_id, id);
create index invitations_environment on invitations (environment_id) where environment_id is not null;
create index invitations_inviter on invitations (invited_by) where invited_by is not null;

alter table tokens add constraint tokens_user_id foreign key (user_id) references users on delete cascade;

-- Who did what. No foreign keys, and names beside the ids: what somebody did is kept when they are gone.
create table audit (
  seq            bigserial primary key,
  at             timestamptz not null,
  outcome        text not null check (outcome in ('DONE', 'REFUSED')),
  action         text not null,
  token_id       text not null,
  token_name     text not null,
  user_id        text not null,
  user_name      text not null,
  request_id     text not null,
  project_id     text not null,
  environment_id text not null,
  service_id     text not null,
  deployment_id  text not null,
  message        text not null
);
create index audit_project on audit (project_id, seq) where project_id <> '';

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_rows_stay before update or delete on audit
  for each row execute function audit_is_append_only();
create trigger audit_stays before truncate on audit
  for each statement execute function audit_is_append_only();

-- Every event that somebody caused is a line of the audit log, in the same transaction.
create function audit_event() returns trigger language plpgsql as $$
begin
  insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, request_id, project_id,
                     environment_id, service_id, deployment_id, message)
  select new.at, 'DONE', new.type, new.token_id, coalesce(t.name, ''), coalesce(t.user_id, ''),
         coalesce(u.name, ''), new.request_id, new.project_id, new.environment_id, new.service_id,
         new.deployment_id, new.message
  from (select) as one
    left join tokens t on t.id = new.token_id
    left join users u on u.id = t.user_id;
  return null;
end $$;
create trigger events_are_audited after insert on events
  for each row when (new.token_id <> '') execute function audit_event();
