#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/page.hpp"
#include "api/reply.hpp"
#include "api/requested_service.hpp"

namespace gantry::api {

Answer list_services(const Request& request, Context& context) {
  const auto place = find_project(request, context);
  if (!place) return place.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  return page_of(
      request, context, *wanted, place->project->services,
      [](const auto& item) -> const std::string& { return item.first.str(); },
      [](std::string& out, const auto& item) { append_json(out, *item.second); });
}

Answer get_service(const Request& request, Context& context) {
  const auto place = find_service(request, context);
  if (!place) return place.error();
  return object(request, place->service->stamp.version, to_json(*place->service));
}

// The service and its instance in one environment; the answer is the instance, which names the
// service.
Answer create_service(const Request& request, Context& context, Transaction& transaction) {
  auto wanted = read_requested_service(request, context);
  if (!wanted) return wanted.error();
  const auto service = transaction.create_service(wanted->place.project->project.id, wanted->name);
  if (!service) return service.error();
  auto instance = transaction.create_instance(
      service->id, wanted->place.environment->environment.id, wanted->settings);
  if (!instance) return instance.error();
  Place& place = wanted->place;
  place.service = &*service;
  const InstanceView view{
      .instance = std::move(*instance), .variables = nullptr, .deployments = {}};
  return started(201, instance_location(place), view.instance.stamp.version,
                 to_json(place.owners(), view, site_of(context)), Varies::with_body);
}

Answer rename_service(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_service(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"name"});
  if (!body) return body.error();
  const Name name = body->name("name");
  GANTRY_TRY(body->check());
  const auto service = transaction.rename_service(place->service->id, name, if_match(request));
  if (!service) return service.error();
  return object(request, service->stamp.version, to_json(*service));
}

Answer delete_service(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_service(request, context);
  if (!place) return place.error();
  GANTRY_TRY(transaction.delete_service(place->service->id, if_match(request)));
  return no_content();
}

}  // namespace gantry::api
