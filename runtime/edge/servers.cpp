#include "runtime/edge/servers.hpp"

#include <algorithm>

#include "runtime/edge/number.hpp"

namespace gantry {

std::string server_options(int weight, int max_connections) {
  std::string text = "check inter 2s fall 2 rise 1 pool-purge-delay 2s weight ";
  text += std::to_string(weight);
  if (max_connections > 0) text += " maxconn " + std::to_string(max_connections);
  return text;
}

std::string server_name(const ReplicaKey& key) { return key.id(); }

std::string server_address(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::string EdgeServer::options(int with_weight) const {
  return checked ? server_options(with_weight, max_connections)
                 : "weight " + std::to_string(with_weight);
}

std::vector<EdgeServer> servers_of(const SlotRoute& placed) {
  const Route& route = placed.route;
  std::vector<EdgeServer> servers;
  for (const RouteBackend& backend : route.backends) {
    EdgeServer server{slot_name(placed.slot), server_name(backend.key),
                      backend.address,        backend.weight,
                      backend.draining,       route.policy.max_connections};
    if (!route.hosts.empty()) servers.push_back(server);
    if (!route.tcp_proxy) continue;
    server.slot = tcp_slot_name(placed.slot);
    server.address.port = route.tcp_proxy->target_port;
    server.max_connections = 0;
    server.checked = false;
    servers.push_back(std::move(server));
  }
  return servers;
}

bool is_routed(const RouteTable& table, std::string_view server) {
  const SlotRoute* placed = table.at(slot_of(server.substr(0, server.find('/'))));
  if (placed == nullptr) return false;
  const auto servers = servers_of(*placed);
  return std::any_of(servers.begin(), servers.end(),
                     [&](const EdgeServer& each) { return each.full_name() == server; });
}

std::string port_name(int port) { return "p" + std::to_string(port); }

int port_of(std::string_view name) {
  const int port = name.starts_with('p') ? leading_number(name.substr(1)) : 0;
  return port_name(port) == name ? port : 0;
}

}  // namespace gantry
