// Domains, shares of requests and ports of the edge with stage=true.
#include <algorithm>

#include "api/nearest.hpp"
#include "api/staging.hpp"
#include "api/tcp_ports.hpp"
#include "proto/host.hpp"

namespace gantry::api {
namespace {

Error worker(const std::string& name, const char* pointer) {
  return invalid(pointer, "worker",
                 "the service " + name +
                     " is a worker (port 0) and gets no requests: stage a port for it first");
}

// Another service of the environment, there or staged, that gets requests.
Result<StagedService> target(const StagedPlace& at, const std::string& wanted,
                             const char* pointer) {
  const Service* known = at.place.project->service(wanted);
  StagedService found{at, known == nullptr ? wanted : known->name.str()};
  if (!found.document.services.contains(found.name))
    return invalid(pointer, "unknown_service",
                   "there is no service \"" + clipped(wanted) + "\" in the environment " +
                       at.place.environment->environment.name.str() + ", nor is one staged");
  if (found.is_worker()) return worker(found.name, pointer);
  return found;
}

bool has(const StagedService& at, const std::string& host) {
  const auto& domains = at.service().domains;
  return std::find(domains.begin(), domains.end(), host) != domains.end();
}

// Whose it is in the environment; null: nobody's.
const std::string* owner_of(const Document& document, const std::string& host) {
  for (const auto& [name, one] : document.services)
    if (std::binary_search(one.domains.begin(), one.domains.end(), host)) return &name;
  return nullptr;
}

// The host of the path, which the service has.
Result<std::string> own_host(const Request& request, const StagedService& at) {
  const auto host = parse_host(request.path_parameters[3]);
  if (host && has(at, *host)) return host;
  return not_found("domain " + clipped(request.path_parameters[3]) + " of this service");
}

StagedChange domain_change(const std::string& host, std::optional<std::string> service) {
  return {.path = "domains." + host, .value = std::move(service)};
}

std::string part_of(const StagedService& at, const char* part) {
  return "services." + at.name + "." + part;
}

PortSeeker seeker_of(const StagedService& at) {
  PortSeeker seeker{.there = at.service().tcp_proxy};
  if (const auto port = at.service().settings.find("deploy.port");
      port != at.service().settings.end())
    seeker.own_port = std::stoi(port->second);
  for (const auto& [name, one] : at.document.services)
    if (name != at.name && one.tcp_proxy) seeker.promised.insert(one.tcp_proxy->port);
  return seeker;
}

}  // namespace

Answer stage_domain(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  auto body = Fields::read(request, {"host"});
  if (!body) return body.error();
  const std::string text = body->text("host");
  GANTRY_TRY(body->check());
  const auto host = parse_host(text, "/host");
  if (!host) return host.error();
  if (is_directly_below(*host, context.options.base_domain))
    return invalid("/host", "generated_host",
                   "hosts directly below " + context.options.base_domain +
                       " are made by the server, one for each service: choose another one");
  if (at->is_worker()) return worker(at->name, "/host");
  if (const std::string* owner = owner_of(at->document, *host); owner && *owner != at->name)
    return Error{Code::conflict, "domain_taken",
                 "the service " + *owner + " has the domain " + *host + ": move it"};
  return stage(request, context, transaction, *at, {domain_change(*host, at->name)});
}

Answer stage_domain_removal(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  const auto host = own_host(request, *at);
  if (!host) return host.error();
  return stage(request, context, transaction, *at, {domain_change(*host, std::nullopt)});
}

Answer stage_domain_move(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  auto body = Fields::read(request, {"to"});
  if (!body) return body.error();
  const std::string to = body->text("to");
  GANTRY_TRY(body->check());
  const auto host = own_host(request, *at);
  if (!host) return host.error();
  const auto gets = target(*at, to, "/to");
  if (!gets) return gets.error();
  return stage(request, context, transaction, *at, {domain_change(*host, gets->name)});
}

Answer stage_traffic(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  auto body = Fields::read(request, {"split"});
  if (!body) return body.error();
  Fields split = body->object("split", {"service", "percent"});
  const std::string wanted = split.text("service");
  const int percent = split.integer("percent", 1, 100);
  body->take_errors(split);
  GANTRY_TRY(body->check());
  if (at->is_worker()) return worker(at->name, "/split");
  const auto to = target(*at, wanted, "/split/service");
  if (!to) return to.error();
  if (to->name == at->name)
    return invalid("/split/service", "same_service", "a share goes to another service");
  return stage(
      request, context, transaction, *at,
      {{.path = part_of(*at, "split"), .value = to->name + " " + std::to_string(percent)}});
}

Answer stage_traffic_removal(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  return stage(request, context, transaction, *at, {{.path = part_of(*at, "split")}});
}

// The port is chosen now, so that it can be told; it is the service's when it is applied.
Answer stage_tcp_proxy(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  const auto wanted = read_tcp_proxy(request, context, seeker_of(*at));
  if (!wanted) return wanted.error();
  return stage(request, context, transaction, *at,
               {{.path = part_of(*at, "tcp_proxy"),
                 .value = std::to_string(wanted->proxy.port) + " " +
                          std::to_string(wanted->proxy.target_port)}});
}

Answer stage_tcp_proxy_removal(const Request& request, Context& context, Transaction& transaction) {
  const auto at = find_staged_service(request, context, transaction);
  if (!at) return at.error();
  return stage(request, context, transaction, *at, {{.path = part_of(*at, "tcp_proxy")}});
}

}  // namespace gantry::api
