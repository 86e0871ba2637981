#include "api/deploying.hpp"

#include <algorithm>

#include "api/reply.hpp"

namespace gantry::api {
namespace {

Result<> check_version(const Request& request, const Deployment& deployment) {
  const IfMatch seen = if_match(request);
  if (!seen || *seen == deployment.version) return done();
  return Error{Code::stale, "stale_version",
               "the deployment is at version " + std::to_string(deployment.version)};
}

// Those that still run beside it and would serve again in its place.
std::vector<DeploymentId> kept_beside(const Place& place, const DeploymentId& id) {
  std::vector<DeploymentId> kept;
  bool serves = false;
  for (const auto& each : place.instance->deployments) {
    serves = serves || (each->id == id && has_served(each->status));
    if (serves && each->id < id && has_served(each->status)) kept.push_back(each->id);
  }
  return kept;
}

}  // namespace

DeploymentId next_id(const Context& context, const InstanceView& instance) {
  TimePoint at = context.clock.now();
  if (!instance.deployments.empty())
    at = std::max(at, instance.deployments.front()->created_at + std::chrono::milliseconds(1));
  return DeploymentId::make(at);
}

Answer create(Transaction& transaction, const Place& place, const NewDeployment& wanted) {
  const auto deployment = transaction.create_deployment(wanted);
  if (!deployment) return deployment.error();
  return started(202, "/v1/deployments/" + deployment->id.str(), deployment->version,
                 to_json(place.owners(), *deployment), Varies::with_body);
}

Response changed(const Request& request, const Place& place, const Deployment& deployment) {
  Response response =
      object(request, deployment.version, to_json(place.owners(), deployment), Varies::with_body);
  response.status = 202;
  return response;
}

Answer removing(Transaction& transaction, const DeploymentId& id, std::string_view reason,
                const Place& place, const Request& request) {
  // Where a rollback takes an approval, this is no way to have one without.
  if (place.environment->environment.protection.needs_approval)
    for (const DeploymentId& each : kept_beside(place, id)) {
      const auto gone = transaction.remove_deployment(each, reason);
      if (!gone) return gone.error();
    }
  const auto deployment = transaction.remove_deployment(id, reason);
  if (!deployment) return deployment.error();
  return changed(request, place, *deployment);
}

Result<PlacedDeployment> find_placed(const Request& request, Context& context) {
  auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  GANTRY_TRY(check_version(request, *deployment));
  return PlacedDeployment{*std::move(deployment), *std::move(place)};
}

}  // namespace gantry::api
