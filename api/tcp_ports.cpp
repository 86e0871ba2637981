#include "api/tcp_ports.hpp"

#include <chrono>
#include <random>
#include <thread>

#include "api/body.hpp"

namespace gantry::api {
namespace {

using Ports = Context::Options::Ports;

std::string text_of(const Ports& ports) {
  return std::to_string(ports.first) + " to " + std::to_string(ports.last);
}

// What the store knows; who else listens on this machine is another question.
std::set<int> taken_ports(const Context& context, const PortSeeker& seeker) {
  std::set<int> taken = seeker.promised;
  taken.insert(context.options.edge_port);
  for (const ProjectPtr& project : context.store.projects())
    for (const auto& [id, view] : project->instances)
      if (view->instance.tcp_proxy) taken.insert(view->instance.tcp_proxy->port);
  return taken;
}

// By chance, so that two who ask at once seldom get the same one, and a port that somebody had a
// moment ago is seldom somebody else's.
Result<int> free_port(const Context& context, const PortSeeker& seeker) {
  const Ports& ports = context.options.tcp_ports;
  const std::set<int> taken = taken_ports(context, seeker);
  const int count = ports.last - ports.first + 1;
  std::random_device chance;
  const int start = static_cast<int>(chance() % static_cast<unsigned>(count));
  for (int i = 0; i < count; ++i) {
    const int port = ports.first + (start + i) % count;
    if (!taken.contains(port) && (!context.port_free || context.port_free(port))) return port;
  }
  return Error{Code::exhausted, "tcp_ports_exhausted",
               "every port from " + text_of(ports) +
                   " is taken: give one back, or widen edge.tcp_ports in gantry.yaml"};
}

Result<> check_port(const Context& context, const PortSeeker& seeker, int port) {
  const Ports& ports = context.options.tcp_ports;
  if (seeker.there && seeker.there->port == port) return done();
  if (port < ports.first || port > ports.last)
    return invalid("/port", "port_out_of_range",
                   "services get ports from " + text_of(ports) +
                       " (edge.tcp_ports in gantry.yaml); leave it out and one is chosen");
  if (taken_ports(context, seeker).contains(port))
    return Error{Code::conflict, "tcp_port_taken",
                 "another service has port " + std::to_string(port) +
                     ": choose another one, or leave it out"};
  // The edge itself may have it for a moment yet: of a service that gave it back just now.
  for (int attempt = 0; attempt < 15; ++attempt) {
    if (!context.port_free || context.port_free(port)) return done();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return Error{Code::conflict, "port_in_use",
               "another program on the server listens on port " + std::to_string(port) +
                   ": choose another one, or leave it out"};
}

Result<int> target_of(Fields& body, const PortSeeker& seeker) {
  const std::optional<int> own = seeker.own_port;
  const int target = body.has("target_port") || !own ? body.integer("target_port", 1, 65535) : *own;
  GANTRY_TRY(body.check());
  if (own == 0)
    return invalid("/target_port", "worker",
                   "the service is a worker (port 0) and has no address: give it a port first");
  return target;
}

}  // namespace

Result<WantedPort> read_tcp_proxy(const Request& request, const Context& context,
                                  const PortSeeker& seeker) {
  auto body = Fields::read(request, {"port", "target_port"});
  if (!body) return body.error();
  std::optional<int> port;
  if (body->has("port")) port = body->integer("port", 1, 65535);
  const auto target = target_of(*body, seeker);
  if (!target) return target.error();
  if (context.options.tcp_ports.first == 0 && !seeker.there)
    return Error{Code::conflict, "tcp_ports_off",
                 "this server gives services no ports: set edge.tcp_ports in gantry.yaml"};
  if (port) GANTRY_TRY(check_port(context, seeker, *port));
  const bool chosen = !port && !seeker.there;
  if (chosen) {
    const auto found = free_port(context, seeker);
    if (!found) return found.error();
    port = *found;
  }
  return WantedPort{{port.value_or(seeker.there ? seeker.there->port : 0), *target}, chosen};
}

}  // namespace gantry::api
