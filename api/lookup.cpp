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

Result<Place> place_of(const InstanceId& id, const Context& context) {
  Place place{.project = context.store.project_of(id)};
  if (!place.project) return not_found("instance " + id.str());
  const auto view = place.project->instances.find(id);
  if (view == place.project->instances.end()) return not_found("instance " + id.str());
  place.instance = view->second.get();
  place.service = service_of(*place.project, place.instance->instance);
  place.environment = place.project->environments.at(place.instance->instance.environment_id).get();
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
