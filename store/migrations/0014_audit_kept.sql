-- The names behind a token, as of its making: neither tokens nor users are renamed. A line of an event finds them here when it
-- is read, so that a write does not have to look for them.
create table audit_actors (
  token_id   text primary key,
  token_name text not null,
  user_id    text not null,
  user_name  text not null
);
insert into audit_actors
  select t.id, t.name, coalesce(t.user_id, ''), coalesce(u.name, '')
  from tokens t left join users u on u.id = t.user_id;
create function audit_actor() returns trigger language plpgsql as $$
begin
  insert into audit_actors
    select new.id, new.name, coalesce(new.user_id, ''), coalesce((select name from users where id = new.user_id), '');
  return null;
end $$;
create trigger tokens_are_actors after insert on tokens for each row execute function audit_actor();

create or replace function audit_event() returns trigger language plpgsql as $$
begin
  insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, request_id, project_id,
                     environment_id, service_id, deployment_id, message)
  values (new.at, 'DONE', new.type, new.token_id, '', '', '', new.request_id, new.project_id,
          new.environment_id, new.service_id, new.deployment_id, new.message);
  return null;
end $$;

-- How long the audit log is kept. Only whole days that a daemon names in its transaction can go, and each removal leaves a
-- line about itself, which nobody can leave out.
create index audit_at on audit using brin (at) with (autosummarize = on);

create or replace function audit_is_append_only() returns trigger language plpgsql as $$
declare
  ending timestamptz := nullif(current_setting('gantry.audit_removes_before', true), '')::timestamptz;
begin
  if tg_op = 'DELETE' and tg_table_name = 'audit' and ending is not null then
    if ending <= now() - interval '1 day' and old.at < ending then
      return old;
    end if;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end $$;

create function audit_removal_is_told() returns trigger language plpgsql as $$
begin
  insert into audit (at, outcome, action, token_id, token_name, user_id, user_name, request_id, project_id,
                     environment_id, service_id, deployment_id, message)
  select now(), 'DONE', 'audit.removed', '', '', '', '', '', '', '', '', '',
         format('%s lines from %s to %s (numbers %s to %s), which were kept long enough; sha256 of their NDJSON, newest first: %s',
                count(*), to_char(min(at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                to_char(max(at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), min(seq), max(seq),
                coalesce(nullif(current_setting('gantry.audit_removed_sha256', true), ''), 'unknown'))
  from gone having count(*) > 0;
  return null;
end $$;
create trigger audit_removals_are_told after delete on audit
  referencing old table as gone for each statement execute function audit_removal_is_told();

create trigger audit_actors_stay before update or delete on audit_actors
  for each row execute function audit_is_append_only();
create trigger audit_actors_all_stay before truncate on audit_actors
  for each statement execute function audit_is_append_only();
