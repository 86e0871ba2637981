-- Where each volume of a snapshot was mounted, one a line; empty: a dump, or one volume of a time before this column.
alter table backups add column mounts text not null default '';

-- A drill that somebody asked for and that has not come to its end.
alter table backups add column drill_asked_at timestamptz;
alter table backups add column drill_attempts integer not null default 0;

-- How far alerts have been told, and which are raised: one row.
create table alert_mark (
  one     boolean primary key default true check (one),
  cursor  text not null,
  raised  text[]
);
