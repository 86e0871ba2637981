-- Where each volume of a snapshot was mounted, one a line; empty: a dump, or one volume of a time before this column.
alter table backups add column mounts text not null default '';
