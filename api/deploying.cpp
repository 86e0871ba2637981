#include "api/deploying.hpp"

#include <algorithm>

#include "api/reply.hpp"
#include "proto/hold.hpp"

namespace gantry::api {
namespace {

Result<> check_version(const Request& request, const Deployment& deployment) {
  const IfMatch seen = if_match(request);
  if (!seen || *seen == deployment.version) return done();
  return Error{Code::stale, "stale_version",
               "the deployment is at version " + std::to_string(deployment.version)};
}

}  // namespace

DeploymentId next_id(const Context& context, const InstanceView& instance) {
  TimePoint at = context.clock.now();
  if (!instance.deployments.empty())
    at = std::max(at, instance.deployments.front()->created_at + std::chrono::milliseconds(1));
  return DeploymentId::make(at);
}

Result<Deployment> make_deployment(Transaction& transaction, const Place& place,
                                   NewDeployment wanted) {
  Hold hold = hold_of(place.project->project, place.environment->environment, wanted.id);
  wanted.status = hold.status;
  wanted.reason = std::move(hold.reason);
  return transaction.create_deployment(wanted);
}

Answer create(Transaction& transaction, const Place& place, NewDeployment wanted) {
  const auto deployment = make_deployment(transaction, place, std::move(wanted));
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
