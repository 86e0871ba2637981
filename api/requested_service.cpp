#include "api/requested_service.hpp"

#include "api/authority.hpp"
#include "api/body.hpp"

namespace gantry::api {
namespace {

constexpr int kReplicasMax = 200;

}  // namespace

Result<RequestedService> read_requested_service(const Request& request, const Context& context) {
  auto place = find_project(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"name", "environment", "source", "build", "deploy"});
  if (!body) return body.error();
  const Name name = body->name("name");
  const std::string wanted = body->optional_text("environment").value_or("production");
  const Settings settings = body->settings();
  GANTRY_TRY(body->check());
  place->environment = place->project->environment(wanted);
  if (place->environment == nullptr)
    return invalid("/environment", "unknown_environment",
                   "the project has no such environment: create it or name another one");
  GANTRY_TRY(may(context, Permission::edit, *place->project, *place->environment));
  return RequestedService{*std::move(place), name, settings};
}

Result<RequestedService> read_requested_instance(const Request& request, const Context& context) {
  auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"service", "source", "build", "deploy"});
  if (!body) return body.error();
  const std::string wanted = body->text("service");
  const Settings settings = body->settings();
  GANTRY_TRY(body->check());
  place->service = place->project->service(wanted);
  if (place->service == nullptr)
    return invalid("/service", "unknown_service",
                   "the project has no such service: create it first");
  const Name name = place->service->name;
  return RequestedService{*std::move(place), name, settings};
}

Result<int> read_replicas(const Request& request) {
  auto body = Fields::read(request, {"replicas"});
  if (!body) return body.error();
  const int replicas = body->integer("replicas", 0, kReplicasMax);
  GANTRY_TRY(body->check());
  return replicas;
}

}  // namespace gantry::api
