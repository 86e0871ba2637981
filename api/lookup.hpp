// Finds in memory what the path names. The pointers live as long as `project`.
#pragma once

#include "api/http.hpp"
#include "proto/json.hpp"

namespace gantry::api {

struct Place {
  ProjectPtr project;
  const EnvironmentView* environment = nullptr;
  const Service* service = nullptr;
  const InstanceView* instance = nullptr;
  const Volume* volume = nullptr;

  // REQUIRES: an environment and a service
  Owners owners() const { return {project->project, environment->environment, *service}; }
};

// /v1/projects/{project}...
Result<Place> find_project(const Request&, const Context&);
// .../environments/{environment}...
Result<Place> find_environment(const Request&, const Context&);
// The same of one in its grace: by its id, or the last one that was deleted by its name.
Result<Place> find_deleted_environment(const Request&, const Context&);
// /v1/projects/{project}/services/{service}
Result<Place> find_service(const Request&, const Context&);
// .../environments/{environment}/services/{service}...
Result<Place> find_instance(const Request&, const Context&);

// .../environments/{environment}/volumes/{volume}...; a deleted one, too: by its id, or by its name
// where no other one has it.
Result<Place> find_volume(const Request&, const Context&);
// /v1/volumes/{volume}...: by its id
Result<Volume> find_any_volume(const Request&, Context&);

// /v1/deployments/{deployment}...
Result<Deployment> find_deployment(const Request&, Context&);
// /v1/tokens/{token}
Result<Token> find_token(const Request&, const Context&);
// All that a pattern's {parameters} name, where it is of a project; else no project.
Result<Place> find_named(const Request&, std::string_view pattern, Context&);

// The owners of an instance that is known by its id.
Result<Place> place_of(const InstanceId&, const Context&);
// The service of an instance. Never null inside one snapshot.
const Service* service_of(const ProjectSnapshot&, const ServiceInstance&);

Site site_of(const Context&);
// "/v1/projects/<id>/environments/<id>/services/<id>"
std::string instance_location(const Place&);

}  // namespace gantry::api
