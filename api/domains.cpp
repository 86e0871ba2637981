// Hosts of people's own, and the share of a service's requests that another one answers.
#include <algorithm>

#include "api/body.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/reply.hpp"
#include "proto/host.hpp"

namespace gantry::api {
namespace {

std::string generated_host(const Place& place, const Context& context) {
  return place.instance->instance.host_label + "." + context.options.base_domain;
}

std::string url_of(const std::string& host, const Context& context) {
  std::string url = context.options.url_scheme + "://" + host;
  if (context.options.edge_port != (context.options.url_scheme == "https" ? 443 : 80))
    url += ":" + std::to_string(context.options.edge_port);
  return url;
}

// With the record that has to be in the DNS for it; the generated one needs none.
void append_domain(std::string& out, const std::string& host, const Place& place,
                   const Context& context) {
  const std::string generated = generated_host(place, context);
  JsonObject object(out);
  object.text("host", host)
      .text("url", url_of(host, context))
      .boolean("generated", host == generated)
      .text("service", place.service->name.str());
  if (host == generated)
    object.null("record");
  else
    JsonObject(object.at("record"))
        .text("type", "CNAME")
        .text("name", host)
        .text("value", generated);
}

Response domain(const Request& request, const std::string& host, const Place& place,
                const Context& context, int status) {
  std::string body;
  append_domain(body, host, place, context);
  Response response = unversioned(request, std::move(body));
  response.status = status;
  return response;
}

// Hosts one label below the base domain are made by the server: "api-production.example.net".
Result<> check_own(const std::string& host, const Place& place, const Context& context) {
  if (!is_directly_below(host, context.options.base_domain) ||
      host == generated_host(place, context))
    return done();
  return invalid("/host", "generated_host",
                 "hosts directly below " + context.options.base_domain +
                     " are made by the server, one for each service: choose another one");
}

Result<> check_serves(const Service& service, const ServiceInstance& instance,
                      const char* pointer) {
  if (instance.settings.deploy.port != 0) return done();
  return invalid(pointer, "worker",
                 "the service " + service.name.str() +
                     " is a worker (port 0) and gets no requests: give it a port first");
}

bool has(const Place& place, const std::string& host) {
  const auto& domains = place.instance->instance.domains;
  return std::find(domains.begin(), domains.end(), host) != domains.end();
}

// The same service elsewhere in the project, or another one of this environment.
Result<Place> find_target(const Place& place, const std::string& wanted, const char* pointer) {
  Place target = place;
  target.service = place.project->service(wanted);
  target.instance =
      target.service == nullptr
          ? nullptr
          : place.project->instance(target.service->id, place.environment->environment.id);
  if (target.instance == nullptr)
    return invalid(pointer, "unknown_service",
                   "there is no service \"" + clipped(wanted) + "\" in the environment " +
                       place.environment->environment.name.str());
  return target;
}

Response traffic(const Request& request, const Place& place, const ServiceInstance& instance) {
  std::string body;
  {
    JsonObject object(body);
    const auto view = instance.split ? place.project->instances.find(instance.split->to)
                                     : place.project->instances.end();
    if (view == place.project->instances.end()) {
      object.null("split");
    } else {
      const Service& service = *service_of(*place.project, view->second->instance);
      JsonObject split(object.at("split"));
      append_reference(split, "service", service.id.str(), service.name.str());
      split.number("percent", instance.split->percent);
    }
  }
  return object(request, instance.stamp.version, std::move(body), Varies::with_body);
}

}  // namespace

Answer list_domains(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const ServiceInstance& instance = place->instance->instance;
  std::string items;
  if (instance.settings.deploy.port != 0)
    append_domain(items, generated_host(*place, context), *place, context);
  for (const std::string& host : instance.domains) {
    if (!items.empty()) items += ',';
    append_domain(items, host, *place, context);
  }
  return unversioned(request, "{\"data\":[" + items + "]}");
}

Answer add_domain(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"host"});
  if (!body) return body.error();
  const std::string text = body->text("host");
  GANTRY_TRY(body->check());
  const auto host = parse_host(text, "/host");
  if (!host) return host.error();
  GANTRY_TRY(check_own(*host, *place, context));
  GANTRY_TRY(check_serves(*place->service, place->instance->instance, "/host"));
  if (*host != generated_host(*place, context)) {  // that one it has
    const auto added = transaction.add_domain(place->instance->instance.id, *host);
    if (!added) return added.error();
  }
  Response response = domain(request, *host, *place, context, 201);
  response.headers.emplace_back("Location", instance_location(*place) + "/domains");
  return response;
}

Answer remove_domain(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto host = parse_host(request.path_parameters[3]);
  if (!host || !has(*place, *host))
    return not_found("domain " + clipped(request.path_parameters[3]) + " of this service");
  const auto removed = transaction.remove_domain(place->instance->instance.id, *host);
  if (!removed) return removed.error();
  return no_content();
}

Answer move_domain(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"to"});
  if (!body) return body.error();
  const std::string to = body->text("to");
  GANTRY_TRY(body->check());
  const auto host = parse_host(request.path_parameters[3]);
  if (!host || !has(*place, *host))
    return not_found("domain " + clipped(request.path_parameters[3]) + " of this service");
  const auto target = find_target(*place, to, "/to");
  if (!target) return target.error();
  GANTRY_TRY(check_serves(*target->service, target->instance->instance, "/to"));
  const auto moved = transaction.move_domain(*host, target->instance->instance.id);
  if (!moved) return moved.error();
  return domain(request, *host, *target, context, 200);
}

Answer get_traffic(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  return traffic(request, *place, place->instance->instance);
}

Answer put_traffic(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  auto body = Fields::read(request, {"split"});
  if (!body) return body.error();
  Fields split = body->object("split", {"service", "percent"});
  const std::string wanted = split.text("service");
  const int percent = split.integer("percent", 1, 100);
  body->take_errors(split);
  GANTRY_TRY(body->check());
  const auto target = find_target(*place, wanted, "/split/service");
  if (!target) return target.error();
  GANTRY_TRY(check_serves(*place->service, place->instance->instance, "/split"));
  GANTRY_TRY(check_serves(*target->service, target->instance->instance, "/split/service"));
  const auto changed = transaction.set_split(place->instance->instance.id,
                                             TrafficSplit{target->instance->instance.id, percent},
                                             if_match(request));
  if (!changed) return changed.error();
  return traffic(request, *place, *changed);
}

Answer delete_traffic(const Request& request, Context& context, Transaction& transaction) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto changed =
      transaction.set_split(place->instance->instance.id, std::nullopt, if_match(request));
  if (!changed) return changed.error();
  return no_content();
}

}  // namespace gantry::api
