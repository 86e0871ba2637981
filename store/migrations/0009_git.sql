-- Repositories of projects, who follows them, what was pushed, pull requests and their environments.
create table git_repositories (
  id            text primary key,
  project_id    text not null references projects on delete cascade,
  url           text not null,
  forge         text not null,
  api_url       text not null,
  secrets       bytea not null,  -- encrypted: of the hook, username, token, key
  submodules    boolean not null,
  poll_seconds  integer not null,
  previews      boolean not null,
  preview_base  text not null,
  focused       boolean not null,
  expiry_days   integer not null,
  bots          boolean not null,
  trouble       text not null default '',
  fetched_at    timestamptz,
  created_at    timestamptz not null,
  constraint git_repositories_url unique (project_id, url)
);

create table git_connections (
  instance_id    text primary key references service_instances on delete cascade,
  repository_id  text not null references git_repositories on delete cascade,
  branch         text not null,
  wait_for_ci    boolean not null
);
create index git_connections_repository on git_connections (repository_id);

-- Bounded: the oldest of a repository go.
create table git_deliveries (
  repository_id  text not null references git_repositories on delete cascade,
  delivery       text not null,
  at             timestamptz not null,
  primary key (repository_id, delivery)
);
create index git_deliveries_at on git_deliveries (at);

create table git_pushes (
  repository_id  text not null references git_repositories on delete cascade,
  branch         text not null,
  instance_id    text not null,  -- empty: all that follow the branch
  commit         text not null,
  deleted        boolean not null,
  attempts       integer not null,
  not_before     timestamptz not null,
  version        bigint not null,
  primary key (repository_id, branch, instance_id)
);
create index git_pushes_due on git_pushes (not_before);

create table git_branches (
  repository_id  text not null references git_repositories on delete cascade,
  branch         text not null,
  commit         text not null,
  primary key (repository_id, branch)
);

create table git_pulls (
  repository_id   text not null references git_repositories on delete cascade,
  number          integer not null,
  title           text not null,
  author          text not null,
  bot             boolean not null,
  fork            boolean not null,
  head_branch     text not null,
  head_commit     text not null,
  base_branch     text not null,
  state           text not null,
  reason          text not null default '',
  allowed_commit  text not null default '',
  done_commit     text not null default '',
  environment_id  text not null default '',
  environment     text not null default '',
  comment         text not null default '',
  pending         boolean not null,
  attempts        integer not null default 0,
  not_before      timestamptz not null,
  expires_at      timestamptz,
  version         bigint not null,
  primary key (repository_id, number)
);
create index git_pulls_pending on git_pulls (not_before) where pending;
create index git_pulls_expiry on git_pulls (expires_at) where expires_at is not null;

create table git_deployments (
  deployment_id  text primary key references deployments on delete cascade,
  instance_id    text not null,
  repository_id  text not null references git_repositories on delete cascade,
  commit         text not null,
  pull           integer not null,
  wait_until     timestamptz,
  reported       text not null default '',
  attempts       integer not null default 0,
  not_before     timestamptz not null,
  open           boolean not null default true
);
create index git_deployments_open on git_deployments (not_before) where open;
create index git_deployments_pull on git_deployments (repository_id, pull) where pull > 0;

create table git_checks (
  repository_id  text not null references git_repositories on delete cascade,
  commit         text not null,
  context        text not null,
  state          text not null,
  at             timestamptz not null,
  primary key (repository_id, commit, context)
);
create index git_checks_at on git_checks (at);
