#include "store/load.hpp"

#include "store/edits.hpp"
#include "store/people_rows.hpp"
#include "store/rows.hpp"

namespace gantry {
namespace {

using Drafts = std::map<ProjectId, std::shared_ptr<ProjectSnapshot>>;
// Of an instance or environment: its variables while they are being read.
using VariableDrafts = std::unordered_map<std::string, std::shared_ptr<Variables>>;

ProjectSnapshot& draft_of(Drafts& drafts, const pqxx::field& project_id) {
  return *drafts.at(*ProjectId::parse(project_id.c_str()));
}

void load_parts(pqxx::dbtransaction& work, Drafts& drafts) {
  for (const auto& row : work.exec(std::string("select ") + kProjectColumns + " from projects")) {
    auto draft = std::make_shared<ProjectSnapshot>();
    draft->project = project_from(row);
    drafts.emplace(draft->project.id, draft);
  }
  for (const auto& row :
       work.exec(std::string("select ") + kEnvironmentColumns + " from environments"))
    edits::put_environment(draft_of(drafts, row["project_id"]), environment_from(row));
  for (const auto& row : work.exec(std::string("select ") + kServiceColumns + " from services"))
    edits::put_service(draft_of(drafts, row["project_id"]), service_from(row));
  for (const auto& row :
       work.exec(std::string("select ") + kInstanceColumns +
                 ", (select s.project_id from services s where s.id = service_id) as project_id "
                 "from service_instances"))
    edits::put_instance(draft_of(drafts, row["project_id"]), instance_from(row));
  for (const auto& row : work.exec(std::string("select ") + kVolumeColumns +
                                   " from volumes where project_id in (select id from projects)"))
    edits::put_volume(draft_of(drafts, row["project_id"]), volume_from(row));
}

Result<VariableDrafts> load_variables(pqxx::dbtransaction& work, const Secrets& secrets) {
  VariableDrafts drafts;
  for (const auto& row :
       work.exec("select coalesce(instance_id, environment_id) as owner, name, value, version, "
                 "created_at, updated_at from variables")) {
    const std::string owner = row["owner"].c_str();
    const std::string name = row["name"].c_str();
    auto value = secrets.open(bytes_from(row["value"]), variable_identity(owner, name));
    if (!value) return value.error();
    auto& draft = drafts[owner];
    if (!draft) draft = std::make_shared<Variables>();
    (*draft)[name] = Variable{.name = name,
                              .value = *std::move(value),
                              .stamp = {.created_at = time_from(row["created_at"]),
                                        .updated_at = time_from(row["updated_at"]),
                                        .version = row["version"].as<std::int64_t>()}};
  }
  return drafts;
}

void attach_variables(ProjectSnapshot& project, const VariableDrafts& drafts) {
  for (auto& [id, view] : project.environments)
    if (const auto found = drafts.find(id.str()); found != drafts.end())
      view = std::make_shared<const EnvironmentView>(
          EnvironmentView{view->environment, found->second});
  for (auto& [id, view] : project.instances)
    if (const auto found = drafts.find(id.str()); found != drafts.end())
      view = std::make_shared<const InstanceView>(
          InstanceView{view->instance, found->second, view->deployments});
}

// Those that are live or being removed, and the newest of each instance.
Result<> load_deployments(pqxx::dbtransaction& work, const Secrets& secrets, Drafts& drafts) {
  const std::string columns =
      std::string(kDeploymentColumns) +
      ", variables, (select s.project_id from service_instances i join services s on s.id = "
      "i.service_id where i.id = instance_id) as project_id ";
  for (const auto& row :
       work.exec("select " + columns +
                 "from deployments d where d.status not in ('FAILED', "
                 "'REMOVED', 'SKIPPED') or d.id in (select n.id from service_instances i cross "
                 "join lateral (select x.id from deployments x where x.instance_id = i.id order by "
                 "x.id desc limit 1) n) order by d.id")) {
    Deployment deployment = deployment_from(row);
    auto variables = open_variables(secrets, deployment.id, row["variables"]);
    if (!variables) return variables.error();
    deployment.variables = *std::move(variables);
    edits::put_deployment(draft_of(drafts, row["project_id"]), deployment);
  }
  return done();
}

}  // namespace

Result<LoadedState> load_state(pqxx::connection& connection, const Secrets& secrets) {
  pqxx::transaction<pqxx::repeatable_read> work(connection);
  work.exec("set local statement_timeout = '120s'");
  LoadedState state;
  state.snapshot =
      DatabaseSnapshot::parse(work.exec1("select pg_current_snapshot()::text")[0].c_str());
  Drafts drafts;
  load_parts(work, drafts);
  auto variables = load_variables(work, secrets);
  if (!variables) return variables.error();
  GANTRY_TRY(load_deployments(work, secrets, drafts));
  for (const auto& [id, draft] : drafts) {
    attach_variables(*draft, *variables);
    draft->index = std::make_shared<const SnapshotIndex>(*draft);
    state.projects.emplace(id, draft);
  }
  for (const auto& row : work.exec(std::string("select ") + kTokenColumns + ", hash from tokens"))
    state.tokens.push_back({token_from(row), bytes_from(row["hash"])});
  for (const auto& row : work.exec(std::string("select ") + kUserColumns + " from users"))
    state.people.put(user_from(row));
  for (const auto& row :
       work.exec(std::string("select ") + kMembershipColumns + " from memberships"))
    state.people.put(membership_from(row));
  work.commit();
  return state;
}

}  // namespace gantry
