// A service's port at the edge: connections to it go to its replicas, byte by byte.
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/reply.hpp"
#include "api/tcp_ports.hpp"

namespace gantry::api {
namespace {

Response tcp_proxy(const Request& request, const Place& place, const ServiceInstance& instance,
                   const Context& context) {
  std::string body;
  {
    JsonObject object(body);
    append_reference(object, "service", place.service->id.str(), place.service->name.str());
    append_tcp_proxy(object, instance, context.options.base_domain);
    const auto trouble = instance.tcp_proxy && context.port_trouble
                             ? context.port_trouble(instance.id)
                             : std::nullopt;
    if (trouble)
      object.text("trouble", *trouble);
    else
      object.null("trouble");
  }
  return object(request, instance.stamp.version, std::move(body), Varies::with_body);
}

}  // namespace

Answer get_tcp_proxy(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  return tcp_proxy(request, *place, place->instance->instance, context);
}

Answer put_tcp_proxy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const ServiceInstance& instance = place->instance->instance;
  const auto wanted =
      read_tcp_proxy(request, context, {instance.tcp_proxy, instance.settings.deploy.port, {}});
  if (!wanted) return wanted.error();
  auto changed = transaction.set_tcp_proxy(instance.id, wanted->proxy, if_match(request));
  if (!changed && wanted->chosen && changed.error().reason == "tcp_port_taken")
    return Error{Code::stale, "stale_version", "another service was faster: ask again"};
  if (!changed) return changed.error();
  return tcp_proxy(request, *place, *changed, context);
}

Answer delete_tcp_proxy(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto changed =
      transaction.set_tcp_proxy(place->instance->instance.id, std::nullopt, if_match(request));
  if (!changed) return changed.error();
  return no_content();
}

}  // namespace gantry::api
