#include <algorithm>

#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "proto/variables.hpp"

namespace gantry::api {
namespace {

Error unresolved(const std::vector<Missing>& missing) {
  Error error{Code::invalid, "unresolved_reference", ""};
  for (const Missing& each : missing) {
    const std::string detail = each.variable + " refers to " + each.reference +
                               ", which is not there: set it or change the reference";
    error.fields.push_back({"/variables/" + each.variable, error.reason, detail});
    if (!error.detail.empty()) error.detail += "; ";
    error.detail += detail;
  }
  return error;
}

// Above the newest one's, also when the clock was set back.
DeploymentId next_id(const Context& context, const InstanceView& instance) {
  TimePoint at = context.clock.now();
  if (!instance.deployments.empty())
    at = std::max(at, instance.deployments.front()->created_at + std::chrono::milliseconds(1));
  return DeploymentId::make(at);
}

// Freezes the settings and the variables of now into a new deployment.
Answer freeze(const Context& context, Transaction& transaction, const Place& place,
              const Settings& settings, std::string trigger) {
  if (!settings.source.image)
    return invalid("/image", "no_image",
                   "there is nothing to deploy: give an image, here or in the service's source");
  NewDeployment wanted{.instance_id = place.instance->instance.id,
                       .id = next_id(context, *place.instance),
                       .settings = settings,
                       .variables = {},
                       .trigger = std::move(trigger)};
  auto resolution =
      resolve_variables(*place.project, *place.instance,
                        {.base_domain = context.options.base_domain, .deployment_id = wanted.id});
  if (!resolution) return resolution.error();
  if (!resolution->missing.empty()) return unresolved(resolution->missing);
  wanted.variables = std::move(resolution->variables);
  const auto deployment = transaction.create_deployment(wanted);
  if (!deployment) return deployment.error();
  return started(202, "/v1/deployments/" + deployment->id.str(), deployment->version,
                 to_json(place.owners(), *deployment), Varies::with_body);
}

Answer removing(Transaction& transaction, const DeploymentId& id, const Place& place,
                const Request& request) {
  const auto deployment = transaction.remove_deployment(id);
  if (!deployment) return deployment.error();
  Response response =
      object(request, deployment->version, to_json(place.owners(), *deployment), Varies::with_body);
  response.status = 202;
  return response;
}

Result<Deployment> find_deployment(const Request& request, Context& context) {
  const std::string& wanted = request.path_parameters[0];
  const auto id = DeploymentId::parse(wanted);
  if (!id) return not_found("deployment " + clipped(wanted));
  return context.store.deployment(*id);
}

}  // namespace

Answer list_deployments(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  const auto found = context.store.deployments(place->instance->instance.id, *wanted);
  if (!found) return found.error();
  std::string items;
  for (const Deployment& deployment : found->items) {
    if (!items.empty()) items += ',';
    append_json(items, place->owners(), deployment);
  }
  return page(request, context, std::move(items), found->next);
}

Answer get_deployment(const Request& request, Context& context) {
  const auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  const auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  return object(request, deployment->version, to_json(place->owners(), *deployment),
                Varies::with_body);
}

Answer deploy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"image"});
  if (!body) return body.error();
  const auto image = body->optional_image("image");
  GANTRY_TRY(body->check());
  Settings settings = place->instance->instance.settings;
  if (image && image != settings.source.image) {
    settings.source.image = image;
    const auto written = transaction.update_settings(place->instance->instance.id, settings,
                                                     place->instance->instance.stamp.version);
    if (!written) return written.error();
  }
  return freeze(context, transaction, *place, settings, "deploy");
}

// The image that was deployed last, with the settings and variables of now.
Answer redeploy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  if (place->instance->deployments.empty())
    return Error{Code::conflict, "nothing_deployed",
                 "this service was never deployed here: deploy it first"};
  Settings settings = place->instance->instance.settings;
  settings.source.image = place->instance->deployments.front()->settings.source.image;
  return freeze(context, transaction, *place, settings, "redeploy");
}

Answer remove_deployment(const Request& request, Context& context, Transaction& transaction) {
  const auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  const auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  const IfMatch seen = if_match(request);
  if (seen && *seen != deployment->version)
    return Error{Code::stale, "stale_version",
                 "the deployment is at version " + std::to_string(deployment->version)};
  return removing(transaction, deployment->id, *place, request);
}

// The service goes offline: its newest live deployment is removed.
Answer remove_newest(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {});
  if (!body) return body.error();
  GANTRY_TRY(body->check());
  const auto& deployments = place->instance->deployments;
  const auto live = std::find_if(deployments.begin(), deployments.end(),
                                 [](const auto& d) { return is_live(d->status); });
  if (live == deployments.end())
    return Error{Code::conflict, "nothing_live", "nothing of this service runs here"};
  return removing(transaction, (*live)->id, *place, request);
}

}  // namespace gantry::api
