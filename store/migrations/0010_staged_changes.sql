-- Changes of an environment that are collected and not in force yet, one a place of its document.
create table staged_changes (
  id             text primary key,
  environment_id text not null references environments on delete cascade,
  path           text not null,
  value          bytea not null,  -- encrypted: "+" and the value, or "-"
  token_id       text not null,
  created_at     timestamptz not null,
  constraint staged_changes_path unique (environment_id, path)
);
