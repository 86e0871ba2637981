#include "api/lookup.hpp"

#include "api/nearest.hpp"

namespace gantry::api {

Result<Place> find_project(const Request& request, const Context& context) {
  const std::string& wanted = request.path_parameters[0];
  Place place{.project = context.store.project(wanted)};
  if (!place.project) return not_found("project " + clipped(wanted));
  return place;
}

Result<Place> find_environment(const Request& request, const Context& context) {
  auto place = find_project(request, context);
  if (!place) return place;
  const std::string& wanted = request.path_parameters[1];
  place->environment = place->project->environment(wanted);
  if (place->environment == nullptr)
    return not_found("environment " + clipped(wanted) + " in project " +
                     place->project->project.name.str());
  return place;
}

Result<Place> find_deleted_environment(const Request& request, const Context& context) {
  auto place = find_project(request, context);
  if (!place) return place;
  const std::string& wanted = request.path_parameters[1];
  for (const auto& [id, view] : place->project->environments) {
    const Environment& each = view->environment;
    const bool named = id.str() == wanted || each.name.str() == wanted;
    if (each.deleted_at && named &&
        (place->environment == nullptr ||
         each.deleted_at > place->environment->environment.deleted_at))
      place->environment = view.get();
  }
  if (place->environment == nullptr)
    return not_found("deleted environment " + clipped(wanted) + " in project " +
                     place->project->project.name.str());
  return place;
}

Result<Place> find_service(const Request& request, const Context& context) {
  auto place = find_project(request, context);
  if (!place) return place;
  const std::string& wanted = request.path_parameters[1];
  place->service = place->project->service(wanted);
  if (place->service == nullptr)
    return not_found("service " + clipped(wanted) + " in project " +
                     place->project->project.name.str());
  return place;
}

Result<Place> find_instance(const Request& request, const Context& context) {
  auto place = find_environment(request, context);
  if (!place) return place;
  const std::string& wanted = request.path_parameters[2];
  place->service = place->project->service(wanted);
  if (place->service == nullptr)
    return not_found("service " + clipped(wanted) + " in project " +
                     place->project->project.name.str());
  place->instance =
      place->project->instance(place->service->id, place->environment->environment.id);
  if (place->instance == nullptr)
    return not_found("instance of service " + place->service->name.str() + " in environment " +
                     place->environment->environment.name.str());
  return place;
}

Result<Place> find_volume(const Request& request, const Context& context) {
  auto place = find_environment(request, context);
  if (!place) return place;
  const std::string& wanted = request.path_parameters[2];
  const EnvironmentId& environment = place->environment->environment.id;
  place->volume = place->project->volume(environment, wanted);
  if (place->volume == nullptr)
    for (const auto& [id, volume] : place->project->volumes)  // the last one deleted
      if (volume->environment_id == environment && volume->name.str() == wanted &&
          (place->volume == nullptr || volume->deleted_at > place->volume->deleted_at))
        place->volume = volume.get();
  if (place->volume == nullptr)
    return not_found("volume " + clipped(wanted) + " in environment " +
                     place->environment->environment.name.str());
  return place;
}

Result<Volume> find_any_volume(const Request& request, Context& context) {
  const std::string& wanted = request.path_parameters[0];
  const auto volumes = context.store.volumes();
  if (!volumes) return volumes.error();
  for (const Volume& volume : *volumes)
    if (volume.id.str() == wanted) return volume;
  return not_found("volume " + clipped(wanted));
}

Result<Deployment> find_deployment(const Request& request, Context& context) {
  const std::string& wanted = request.path_parameters[0];
  const auto id = DeploymentId::parse(wanted);
  if (!id) return not_found("deployment " + clipped(wanted));
  auto found = context.store.deployment(*id);
  // Of an environment that is deleted: as gone as it.
  if (found && !place_of(found->instance_id, context))
    return not_found("deployment " + clipped(wanted));
  return found;
}

Result<Token> find_token(const Request& request, const Context& context) {
  const std::string& wanted = request.path_parameters[0];
  const auto id = TokenId::parse(wanted);
  const auto token = id ? context.store.token(*id) : std::nullopt;
  if (!token) return not_found("token " + clipped(wanted));
  return *token;
}

namespace {

// What brings a deleted environment back, or ends it for good, is about that one.
Result<Place> find_maybe_deleted(const Request& request, std::string_view pattern,
                                 const Context& context) {
  const bool restores = pattern.ends_with("/environments/{environment}/restore");
  auto live = find_environment(request, context);
  if (!restores && (live || request.query_value("now") == nullptr)) return live;
  auto deleted = find_deleted_environment(request, context);
  return deleted || !live ? deleted : live;
}

}  // namespace

Result<Place> find_named(const Request& request, std::string_view pattern, Context& context) {
  const auto names = [&](std::string_view parameter) {
    return pattern.find(parameter) != std::string_view::npos;
  };
  if (names("{deployment}")) {
    const auto deployment = find_deployment(request, context);
    if (!deployment) return deployment.error();
    return place_of(deployment->instance_id, context);
  }
  if (names("{token}")) {
    const auto token = find_token(request, context);
    return token ? Place{} : Result<Place>(token.error());
  }
  if (!names("{project}")) {
    if (!names("{volume}")) return Place{};
    const auto volume = find_any_volume(request, context);
    return volume ? Place{} : Result<Place>(volume.error());
  }
  // What is staged may be about what is only staged: of which environment is all that counts.
  const std::string* staged = request.query_value("stage");
  if (staged != nullptr && *staged == "true" && names("{environment}"))
    return find_environment(request, context);
  if (names("{volume}")) return find_volume(request, context);
  if (names("{environment}"))
    return names("{service}") ? find_instance(request, context)
                              : find_maybe_deleted(request, pattern, context);
  return names("{service}") ? find_service(request, context) : find_project(request, context);
}

Result<Place> place_of(const InstanceId& id, const Context& context) {
  Place place{.project = context.store.project_of(id)};
  if (!place.project) return not_found("instance " + id.str());
  const auto view = place.project->instances.find(id);
  if (view == place.project->instances.end()) return not_found("instance " + id.str());
  place.instance = view->second.get();
  place.service = service_of(*place.project, place.instance->instance);
  place.environment = place.project->environments.at(place.instance->instance.environment_id).get();
  if (place.environment->environment.deleted_at) return not_found("instance " + id.str());
  return place;
}

const Service* service_of(const ProjectSnapshot& project, const ServiceInstance& instance) {
  return project.services.at(instance.service_id).get();
}

Site site_of(const Context& context) {
  return {.base_domain = context.options.base_domain,
          .edge_port = context.options.edge_port,
          .url_scheme = context.options.url_scheme};
}

std::string instance_location(const Place& place) {
  return "/v1/projects/" + place.project->project.id.str() + "/environments/" +
         place.environment->environment.id.str() + "/services/" + place.service->id.str();
}

}  // namespace gantry::api
