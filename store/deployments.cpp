#include "proto/built_image.hpp"
#include "proto/codec.hpp"
#include "store/edits.hpp"
#include "store/rows.hpp"
#include "store/statuses.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

std::string_view event_of(DeploymentStatus status) {
  switch (status) {
    case DeploymentStatus::queued:
      return "deployment.queued";
    case DeploymentStatus::initializing:
      return "deployment.initializing";
    case DeploymentStatus::building:
      return "deployment.building";
    case DeploymentStatus::deploying:
      return "deployment.deploying";
    case DeploymentStatus::success:
      return "deployment.succeeded";
    case DeploymentStatus::crashed:
      return "deployment.crashed";
    case DeploymentStatus::failed:
      return "deployment.failed";
    case DeploymentStatus::removing:
      return "deployment.removing";
    case DeploymentStatus::removed:
      return "deployment.removed";
    case DeploymentStatus::skipped:
      return "deployment.skipped";
    case DeploymentStatus::sleeping:
      return "deployment.sleeping";
    case DeploymentStatus::waiting:
      return "deployment.waiting";
    case DeploymentStatus::needs_approval:
      return "deployment.needs_approval";
  }
  return "deployment.queued";
}

std::string update_returning(const std::string& condition) {
  return "update deployments set status = $2, reason = $3, version = version + 1, updated_at = $4, "
         "succeeded_at = case when $2 = 'SUCCESS' then coalesce(succeeded_at, $4) else "
         "succeeded_at "
         "end where " +
         condition + " returning " + kDeploymentColumns + ", variables";
}

}  // namespace

// The edit carries the whole row, variables included: it may be published before the one that
// created it.
Deployment PgTransaction::announce_deployment(const pqxx::row& row, const Place& place,
                                              std::string_view event, const std::string& message) {
  Deployment deployment = deployment_from(row);
  auto variables = open_variables(store_.secrets(), deployment.id, row["variables"]);
  if (!variables) throw std::runtime_error(variables.error().detail);
  deployment.variables = *std::move(variables);
  edit(place.project_id, deployment.id.str(), record(event, place, message, deployment.id.str()),
       [deployment](ProjectSnapshot& project) { edits::put_deployment(project, deployment); });
  notify(deployment.instance_id);
  return deployment;
}

Deployment PgTransaction::announce_status(const pqxx::row& row, const Place& place,
                                          std::string_view event) {
  const std::string reason = row["reason"].c_str();
  return announce_deployment(row, place, event, reason.empty() ? row["status"].c_str() : reason);
}

void PgTransaction::supersede(const Place& place, const char* statuses, const DeploymentId& by,
                              const std::optional<DeploymentId>& but) {
  for (const auto& row : work_->exec_params(
           update_returning("instance_id = $1 and id < $5 and id <> $6 and status in " +
                            std::string(statuses)),
           place.instance_id, std::string(name(DeploymentStatus::removing)),
           "superseded by " + by.str(), now(), by.str(), but ? but->str() : ""))
    announce_status(row, place, event_of(DeploymentStatus::removing));
}

// Newest means the greatest id. Ids are made before the lock, so another deployment may have come
// in between with a greater one.
Result<> PgTransaction::check_newest(const NewDeployment& wanted) {
  const auto newer =
      work_->exec_params("select 1 from deployments where instance_id = $1 and id > $2 limit 1",
                         wanted.instance_id.str(), wanted.id.str());
  if (newer.empty()) return done();
  return Error{Code::conflict, "superseded",
               "a newer deployment was created at the same time: try again"};
}

// What was built for another project has its code in it, and whatever else the build left there.
Result<> PgTransaction::check_image(const NewDeployment& wanted, const Place& place) {
  const auto& image = wanted.settings.source.image;
  if (!image || !is_built_image(image->str())) return done();
  const auto owner = instance_of_built_image(image->str());
  const ProjectPtr project = owner ? store_.memory().project_of(*owner) : nullptr;
  if (project && project->project.id == place.project_id) return done();
  return invalid("/image", "foreign_image",
                 "images that Gantry built are deployed in their own project alone: deploy the "
                 "source here");
}

std::string PgTransaction::approval_reason(const Place& place, const DeploymentId& id) {
  const auto asks = work_->exec_params(
      "select e.name, p.name from environments e join projects p on p.id = e.project_id where "
      "e.id = $1 and e.needs_approval",
      place.environment_id);
  if (asks.empty()) return "";
  return std::string("environment ") + asks[0][0].c_str() +
         " needs an approval: an owner of project " + asks[0][1].c_str() +
         ", or of the environment, lets it in with `gantry deployment approve " + id.str() +
         "`, or passes it over with `gantry deployment reject " + id.str() + "`";
}

// The one place where deployments are made, whoever asks: into an environment that needs approvals
// none gets by another way.
Result<Deployment> PgTransaction::create_deployment(const NewDeployment& wanted) {
  return verb([&]() -> Result<Deployment> {
    const InstanceId& instance_id = wanted.instance_id;
    GANTRY_TRY(lock_row("service_instances", instance_id.str(), "service instance", {}));
    const auto place = place_of(instance_id);
    if (!place) return place.error();
    GANTRY_TRY(check_newest(wanted));
    GANTRY_TRY(check_image(wanted, *place));
    std::string reason = approval_reason(*place, wanted.id);
    const DeploymentStatus status =
        reason.empty() ? wanted.status : DeploymentStatus::needs_approval;
    if (!wanted.reason.empty()) reason += (reason.empty() ? "" : "; before that: ") + wanted.reason;
    const std::string sealed =
        store_.secrets().seal(variables_json(wanted.variables), deployment_identity(wanted.id));
    const auto row = work_->exec_params1(
        std::string(
            "insert into deployments (id, instance_id, status, trigger, settings, "
            "variables, created_at, updated_at, message, prepared, image, pre_deployed, "
            "once, reason) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11, $12, $13) "
            "returning ") +
            kDeploymentColumns + ", variables",
        wanted.id.str(), instance_id.str(), std::string(name(status)), wanted.trigger,
        settings_json(wanted.settings), bytea(sealed), now(), wanted.message,
        wanted.progress.prepared, wanted.progress.image, wanted.progress.pre_deployed, wanted.once,
        reason);
    const Deployment deployment = announce_status(row, *place, "deployment.created");
    supersede(*place, is_held(status) ? kHeld : kPendingOrHeld, wanted.id, {});
    return deployment;
  });
}

Result<Place> PgTransaction::lock_deployment(const DeploymentId& id) {
  const auto found =
      work_->exec_params("select instance_id from deployments where id = $1", id.str());
  if (found.empty()) return not_found("deployment " + id.str());
  const InstanceId instance_id = *InstanceId::parse(found[0][0].c_str());
  GANTRY_TRY(lock_row("service_instances", instance_id.str(), "service instance", {}));
  return place_of(instance_id);
}

Result<Deployment> PgTransaction::remove_deployment(const DeploymentId& id,
                                                    std::string_view reason) {
  return verb([&]() -> Result<Deployment> {
    const auto place = lock_deployment(id);
    if (!place) return place.error();
    const auto rows = work_->exec_params(
        update_returning("id = $1 and status in " + std::string(kLiveOrHeld)), id.str(),
        std::string(name(DeploymentStatus::removing)), std::string(reason), now());
    if (rows.empty())
      return Error{Code::conflict, "not_live", "the deployment is not live: nothing to remove"};
    return announce_status(rows[0], *place, event_of(DeploymentStatus::removing));
  });
}

Result<pqxx::row> PgTransaction::end_hold(const DeploymentId& id, DeploymentStatus status,
                                          std::string_view reason) {
  const auto rows =
      work_->exec_params(update_returning("id = $1 and status in " + std::string(kHeld)), id.str(),
                         std::string(name(status)), std::string(reason), now());
  if (!rows.empty()) return rows[0];
  return Error{Code::conflict, "not_held",
               "the deployment does not wait for anybody: nothing to decide"};
}

Result<Deployment> PgTransaction::release_deployment(const DeploymentId& id) {
  return verb([&]() -> Result<Deployment> {
    const auto place = lock_deployment(id);
    if (!place) return place.error();
    const auto newer = work_->exec_params(
        "select 1 from deployments where instance_id = $1 and id > $2 and status in " +
            std::string(kLive) + " limit 1",
        place->instance_id, id.str());
    if (!newer.empty())
      return Error{Code::conflict, "superseded",
                   "a newer deployment has begun meanwhile: deploy again"};
    // By nobody's hand, as when the checks of its commit have passed: a person is asked next.
    const std::string reason = actor_.token_id.empty() ? approval_reason(*place, id) : "";
    if (!reason.empty()) {
      const auto held = end_hold(id, DeploymentStatus::needs_approval, reason);
      if (!held) return held.error();
      return announce_status(*held, *place, event_of(DeploymentStatus::needs_approval));
    }
    const auto row = end_hold(id, DeploymentStatus::queued, "");
    if (!row) return row.error();
    const Deployment deployment = announce_status(*row, *place, "deployment.released");
    supersede(*place, kPendingOrHeld, id, {});
    return deployment;
  });
}

Result<Deployment> PgTransaction::skip_deployment(const DeploymentId& id, std::string_view reason) {
  return verb([&]() -> Result<Deployment> {
    const auto place = lock_deployment(id);
    if (!place) return place.error();
    const auto row = end_hold(id, DeploymentStatus::skipped, reason);
    if (!row) return row.error();
    return announce_status(*row, *place, event_of(DeploymentStatus::skipped));
  });
}

// Their settings are frozen but for the number of replicas: people scale what runs.
void PgTransaction::scale_live(const InstanceId& id, int replicas) {
  const auto place = place_of(id);
  if (!place) return;
  for (const auto& row : work_->exec_params(
           std::string("update deployments set settings = jsonb_set(settings, "
                       "'{deploy,replicas}', to_jsonb($2::integer)), version = version + 1, "
                       "updated_at = updated_at where instance_id = $1 and "
                       "(settings->'deploy'->>'replicas')::integer <> $2 and status in ") +
               kLive + " returning " + kDeploymentColumns + ", variables",
           id.str(), replicas))
    announce_status(row, *place, "deployment.scaled");
}

Result<> PgTransaction::set_progress(const ProgressChange& change) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    GANTRY_TRY(lock_row("service_instances", change.instance_id.str(), "service instance", {}));
    const auto place = place_of(change.instance_id);
    if (!place) return place.error();
    std::optional<std::string> settings;
    if (change.settings) settings = settings_json(*change.settings);
    const auto rows = work_->exec_params(
        "update deployments set prepared = $2, image = $3, pre_deployed = $4, "
        "settings = coalesce($5::jsonb, settings), config = coalesce($6, config), "
        "version = version + 1 where id = $1 and status in " +
            std::string(kPending) + " returning " + kDeploymentColumns + ", variables",
        change.deployment_id.str(), change.progress.prepared, change.progress.image,
        change.progress.pre_deployed, settings, change.config);
    for (const auto& row : rows)
      announce_status(row, *place,
                      change.progress.pre_deployed     ? "deployment.pre_deployed"
                      : !change.progress.image.empty() ? "deployment.built"
                                                       : "deployment.prepared");
    return done();
  });
}

Result<> PgTransaction::set_status(const StatusChange& change) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    GANTRY_TRY(lock_row("service_instances", change.instance_id.str(), "service instance", {}));
    const auto place = place_of(change.instance_id);
    if (!place) return place.error();
    const auto rows = work_->exec_params(
        "select status, reason from deployments where id = $1 and instance_id = $2",
        change.deployment_id.str(), change.instance_id.str());
    if (rows.empty()) return not_found("deployment " + change.deployment_id.str());
    const auto current = parse_deployment_status(rows[0][0].c_str());
    const bool same = *current == change.status && rows[0][1].c_str() == change.reason;
    if (same || !may_become(*current, change.status)) return done();
    const auto row = work_->exec_params1(update_returning("id = $1"), change.deployment_id.str(),
                                         std::string(name(change.status)), change.reason, now());
    announce_status(row, *place, event_of(change.status));
    if (change.status == DeploymentStatus::success)
      supersede(*place, kLive, change.deployment_id, change.keeps);
    return done();
  });
}

Result<> PgStore::record_status(const StatusChange& change) {
  return alone(*this, [&](PgTransaction& work) { return work.set_status(change); });
}

Result<> PgStore::record_progress(const ProgressChange& change) {
  return alone(*this, [&](PgTransaction& work) { return work.set_progress(change); });
}

Result<Deployment> PgStore::deployment(const DeploymentId& id) {
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<Deployment> {
    pqxx::nontransaction work(connection);
    const auto rows = work.exec_params(
        std::string("select ") + kDeploymentColumns + ", variables from deployments where id = $1",
        id.str());
    if (rows.empty()) return not_found("deployment " + id.str());
    Deployment deployment = deployment_from(rows[0]);
    auto variables = open_variables(secrets_, id, rows[0]["variables"]);
    if (!variables) return variables.error();
    deployment.variables = *std::move(variables);
    return deployment;
  });
}

Result<Page<Deployment>> PgStore::deployments(const InstanceId& id, const PageRequest& request) {
  if (request.after && !DeploymentId::matches(*request.after))
    return invalid("", "invalid_cursor", "this is no cursor of a deployment");
  return with_connection(pool_, [&](pqxx::connection& connection) -> Result<Page<Deployment>> {
    pqxx::nontransaction work(connection);
    const auto limit = static_cast<std::size_t>(request.limit);
    const auto rows =
        work.exec_params(std::string("select ") + kDeploymentColumns +
                             " from deployments where instance_id = $1 and ($2 = '' or id < $2) "
                             "order by id desc limit $3",
                         id.str(), request.after.value_or(""), limit + 1);
    Page<Deployment> page;
    for (const auto& row : rows)
      if (page.items.size() < limit) page.items.push_back(deployment_from(row));
    if (rows.size() > limit && !page.items.empty()) page.next = page.items.back().id.str();
    return page;
  });
}

}  // namespace gantry
