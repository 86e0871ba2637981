#include "api/blueprint.hpp"
#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"

namespace gantry::api {
namespace {

constexpr std::size_t kServicesMax = 100;

NewService read_service(Fields& body) {
  NewService service{.name = body.name("name"),
                     .may_be_renamed = false,
                     .settings = body.settings(),
                     .variables = {},
                     .mounts = {}};
  for (auto& [name, value] : body.optional_texts("variables"))
    if (value) service.variables.emplace_back(name, *std::move(value));
  for (Fields& each : body.objects("volumes", {"name", "mount_path"})) {
    const Name volume = each.name("name");
    const auto path = each.optional_mount_path("mount_path");
    if (!each.has("mount_path")) each.missing("mount_path");
    service.mounts.push_back({volume, path.value_or("")});
    body.take_errors(each);
  }
  service.deploy = service.settings.source.image || !service.settings.source.archive.empty();
  return service;
}

Result<> check(const std::vector<NewService>& services) {
  if (services.empty() || services.size() > kServicesMax)
    return invalid("/services", "out_of_range", "expected 1 to 100 services");
  for (std::size_t i = 0; i < services.size(); ++i)
    for (const auto& [name, value] : services[i].variables) {
      const std::string pointer = "/services/" + std::to_string(i) + "/variables/" + clipped(name);
      if (const auto known = parse_variable_name(name, pointer); !known) return known.error();
      GANTRY_TRY(check_variable_value(value, pointer));
    }
  return done();
}

}  // namespace

// Services with their volumes and variables, all or none of them. Those that have an image are
// deployed.
Answer import_services(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"services"});
  if (!body) return body.error();
  std::vector<NewService> services;
  if (!body->has("services")) (void)body->text("services");  // says that it is required
  for (Fields& each :
       body->objects("services", {"name", "source", "build", "deploy", "variables", "volumes"})) {
    services.push_back(read_service(each));
    body->take_errors(each);
  }
  GANTRY_TRY(body->check());
  GANTRY_TRY(check(services));
  const auto made = make_services(context, transaction, *place, std::move(services));
  if (!made) return made.error();
  std::string out;
  JsonObject(out).raw("services", services_json(*made));
  Response response = unversioned(request, std::move(out));
  response.status = 201;
  return response;
}

}  // namespace gantry::api
