// How far a deployment's take-over has come, and what people and the autoscaler ask meanwhile.
#include "store/rows.hpp"
#include "store/statuses.hpp"
#include "store/transaction.hpp"

namespace gantry {
namespace {

struct OrderEvent {
  std::string_view type;
  std::string_view message;
};

OrderEvent event_of(RolloutOrder order) {
  switch (order) {
    case RolloutOrder::none:
      return {"deployment.resumed", "resumed by request"};
    case RolloutOrder::pause:
      return {"deployment.paused", "paused by request"};
    case RolloutOrder::promote:
      return {"deployment.promoted", "promoted by request"};
  }
  return {"deployment.resumed", ""};
}

Error not_under_way(const Deployment& deployment) {
  return {Code::conflict, "not_under_way",
          "the deployment is " + std::string(name(deployment.status)) +
              " and not on its way any more: there is nothing to promote, pause, resume or abort"};
}

std::string returning() { return std::string(" returning ") + kDeploymentColumns + ", variables"; }

}  // namespace

Result<Deployment> PgTransaction::order_rollout(const DeploymentId& id, RolloutOrder order) {
  return verb([&]() -> Result<Deployment> {
    const auto place = lock_deployment(id);
    if (!place) return place.error();
    const auto rows = work_->exec_params(
        std::string("select ") + kDeploymentColumns + " from deployments where id = $1", id.str());
    if (rows.empty()) return not_found("deployment " + id.str());
    const Deployment current = deployment_from(rows[0]);
    if (!is_live(current.status) || has_served(current.status)) return not_under_way(current);
    if (current.rollout.order == order) return current;
    if (current.rollout.order == RolloutOrder::promote)
      return Error{Code::conflict, "already_promoted",
                   "the deployment was promoted: abort it, or roll back when it serves"};
    const auto row = work_->exec_params1(
        "update deployments set rollout_order = $2, version = version + 1 where id = $1" +
            returning(),
        id.str(), std::string(name(order)));
    const OrderEvent event = event_of(order);
    return announce_deployment(row, *place, event.type, std::string(event.message));
  });
}

Result<> PgTransaction::set_rollout(const RolloutChange& change) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    GANTRY_TRY(lock_row("service_instances", change.instance_id.str(), "service instance", {}));
    const auto place = place_of(change.instance_id);
    if (!place) return place.error();
    std::optional<std::string> since;
    if (change.since) since = format_time(*change.since);
    for (const auto& row : work_->exec_params(
             "update deployments set rollout_step = $2, rollout_since = $3::timestamptz, "
             "version = version + 1 where id = $1 and instance_id = $4 and (rollout_step, "
             "rollout_since) is distinct from ($2, $3::timestamptz) and status in " +
                 std::string(kPending) + returning(),
             change.deployment_id.str(), change.step, since, change.instance_id.str()))
      announce_deployment(row, *place, "deployment.step", change.message);
    return done();
  });
}

Result<> PgTransaction::set_scale(const ScaleChange& change) {
  return verb([&]() -> Result<> {
    GANTRY_TRY(check_lease());
    GANTRY_TRY(lock_row("service_instances", change.instance_id.str(), "service instance", {}));
    for (const auto& row : work_->exec_params(
             std::string("update service_instances set settings = jsonb_set(settings, "
                         "'{deploy,replicas}', to_jsonb($2::integer)), generation = generation + "
                         "1, version = version + 1, updated_at = $3 where id = $1 and "
                         "(settings->'deploy'->>'replicas')::integer <> $2 returning ") +
                 kInstanceColumns,
             change.instance_id.str(), change.replicas, now())) {
      const auto announced = announce_instance(row, "instance.scaled", change.reason);
      if (!announced) return announced.error();
    }
    scale_live(change.instance_id, change.replicas);
    return done();
  });
}

Result<> PgStore::record_rollout(const RolloutChange& change) {
  return alone(*this, [&](PgTransaction& work) { return work.set_rollout(change); });
}

Result<> PgStore::record_scale(const ScaleChange& change) {
  return alone(*this, [&](PgTransaction& work) { return work.set_scale(change); });
}

}  // namespace gantry
