-- How many environments of pull requests a repository has at once, and what each was copied from.
alter table git_repositories add column previews_most integer not null default 20;
alter table git_pulls add column base_environment text not null default '';
update git_pulls p set base_environment = r.preview_base from git_repositories r
  where r.id = p.repository_id and p.environment_id <> '';
create index git_pulls_environment on git_pulls (environment_id) where environment_id <> '';
