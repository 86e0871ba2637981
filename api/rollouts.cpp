// What people ask of a deployment on its way, and the way back to an earlier one.
#include <algorithm>

#include "api/body.hpp"
#include "api/deploying.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

constexpr int kPage = 100;

// With an empty body.
Result<PlacedDeployment> find_ordered(const Request& request, Context& context) {
  auto found = find_placed(request, context);
  if (!found) return found;
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  return found;
}

Answer order(const Request& request, Context& context, Transaction& transaction,
             RolloutOrder wanted) {
  const auto found = find_ordered(request, context);
  if (!found) return found.error();
  const auto deployment = transaction.order_rollout(found->deployment.id, wanted);
  if (!deployment) return deployment.error();
  const Strategy strategy = deployment->settings.deploy.rollout.strategy;
  if (strategy == Strategy::rolling || strategy == Strategy::recreate)
    return Error{Code::conflict, "nothing_to_order",
                 "the strategy of this deployment is " + std::string(name(strategy)) +
                     ": it takes over by itself as soon as it is ready, and only an abort ends it"};
  return changed(request, found->place, *deployment);
}

bool runs_still(const Deployment& deployment) {
  return deployment.status == DeploymentStatus::success ||
         deployment.status == DeploymentStatus::sleeping;
}

// The kept one serves as soon as the newer ones go: nothing is started.
std::vector<DeploymentId> newer_live(const Place& place, const DeploymentId& than) {
  std::vector<DeploymentId> newer;
  for (const auto& deployment : place.instance->deployments)
    if (deployment->id > than && is_live(deployment->status)) newer.push_back(deployment->id);
  return newer;
}

Answer step_back(const Request& request, Transaction& transaction, const Place& place,
                 const Deployment& target, const std::vector<DeploymentId>& newer) {
  for (const DeploymentId& id : newer) {
    const auto removed = transaction.remove_deployment(id, "rolled back to " + target.id.str());
    if (!removed) return removed.error();
  }
  Response response = changed(request, place, target);
  response.headers.emplace_back("Location", "/v1/deployments/" + target.id.str());
  return response;
}

Result<> check_image(const Context& context, const Deployment& earlier) {
  if (earlier.progress.image.empty())
    return Error{Code::conflict, "image_gone",
                 "this deployment never came to an image: roll back to one that did"};
  if (context.image_present && !context.image_present(earlier.progress.image))
    return Error{Code::conflict, "image_gone",
                 "the image of this deployment was removed to make room: deploy its source again"};
  return done();
}

// An earlier deployment's image, settings and variables again; nothing is built, its pre-deploy
// command does not run again, and nobody has to promote what was proved before.
Answer repeat(Context& context, Transaction& transaction, const Place& place,
              const Deployment& earlier) {
  GANTRY_TRY(check_image(context, earlier));
  NewDeployment wanted{
      .instance_id = earlier.instance_id,
      .id = next_id(context, *place.instance),
      .settings = earlier.settings,
      .variables = earlier.variables,
      .trigger = "rollback",
      .message = earlier.message,
      .progress = {.prepared = true, .image = earlier.progress.image, .pre_deployed = true}};
  Strategy& strategy = wanted.settings.deploy.rollout.strategy;
  if (strategy != Strategy::recreate) strategy = Strategy::rolling;
  for (const char* name : {"RAILWAY_DEPLOYMENT_ID", "GANTRY_DEPLOYMENT_ID", "RAILWAY_SNAPSHOT_ID",
                           "GANTRY_SNAPSHOT_ID"})
    if (const auto found = wanted.variables.find(name); found != wanted.variables.end())
      found->second = wanted.id.str();
  return create(transaction, place, wanted);
}

Answer go_back(const Request& request, Context& context, Transaction& transaction,
               const Place& place, const Deployment& target) {
  // Where it takes an approval, also what is kept waits for it: as a deployment of its own.
  const bool held = place.environment->environment.protection.needs_approval;
  if (const auto newer = newer_live(place, target.id);
      !held && runs_still(target) && !newer.empty())
    return step_back(request, transaction, place, target, newer);
  return repeat(context, transaction, place, target);
}

// The newest that served before what is live now.
Result<Deployment> previous_success(const Place& place, Context& context) {
  const auto& known = place.instance->deployments;
  const auto current =
      std::find_if(known.begin(), known.end(), [](const auto& d) { return is_live(d->status); });
  PageRequest wanted{.after = {}, .limit = kPage};
  if (current != known.end()) wanted.after = (*current)->id.str();
  for (;;) {
    const auto found = context.store.deployments(place.instance->instance.id, wanted);
    if (!found) return found.error();
    for (const Deployment& deployment : found->items)
      if (deployment.succeeded_at && !deployment.progress.image.empty())
        return context.store.deployment(deployment.id);
    if (!found->next) break;
    wanted.after = found->next;
  }
  return Error{Code::conflict, "nothing_before",
               "no earlier deployment of this service ever served: there is nothing to go back to"};
}

}  // namespace

Answer promote(const Request& request, Context& context, Transaction& transaction) {
  return order(request, context, transaction, RolloutOrder::promote);
}
Answer pause(const Request& request, Context& context, Transaction& transaction) {
  return order(request, context, transaction, RolloutOrder::pause);
}
Answer resume(const Request& request, Context& context, Transaction& transaction) {
  return order(request, context, transaction, RolloutOrder::none);
}

Answer abort_rollout(const Request& request, Context& context, Transaction& transaction) {
  const auto found = find_ordered(request, context);
  if (!found) return found.error();
  // Its own order again changes nothing, but it is refused when the deployment has arrived
  // meanwhile.
  const auto under_way =
      transaction.order_rollout(found->deployment.id, found->deployment.rollout.order);
  if (!under_way) return under_way.error();
  return removing(transaction, found->deployment.id, "aborted by request", found->place, request);
}

Answer rollback(const Request& request, Context& context, Transaction& transaction) {
  const auto target = find_deployment(request, context);
  if (!target) return target.error();
  const auto place = place_of(target->instance_id, context);
  if (!place) return place.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  return go_back(request, context, transaction, *place, *target);
}

// To the previous one that was a success.
Answer rollback_newest(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto target = previous_success(*place, context);
  if (!target) return target.error();
  return go_back(request, context, transaction, *place, *target);
}

}  // namespace gantry::api
