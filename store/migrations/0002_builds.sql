-- What is done for a deployment before its replicas start. Those that are there came from images.
alter table deployments
  add column message      text not null default '',
  add column prepared     boolean not null default true,
  add column image        text not null default '',  -- what runs; empty: not built yet
  add column pre_deployed boolean not null default true,
  add column config       text not null default '';  -- its configuration file as it was read, JSON
update deployments set image = coalesce(settings -> 'source' ->> 'image', '');
