// What replicas are to the proxy: servers, in a slot for requests and in one for connections, and
// the ports it listens on for the latter. Names, addresses, options. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/edge/table.hpp"

namespace gantry {

std::string server_name(const ReplicaKey&);
// "127.0.0.1:80", "[::1]:80"
std::string server_address(const Address&);
// The options of `server` and `add server` alike, of one for requests. max_connections 0: no limit.
std::string server_options(int weight, int max_connections);

// A replica as the proxy knows it: one server of those for requests, one of those for connections.
struct EdgeServer {
  std::string slot, name;
  Address address;
  int weight = 0;
  bool draining = false;
  int max_connections = 0;
  // Whether the proxy looks for itself if it is there. A database takes that for a client that
  // gave up, and may refuse the proxy after many.
  bool checked = true;

  std::string full_name() const { return slot + "/" + name; }
  std::string options(int with_weight) const;
};
std::vector<EdgeServer> servers_of(const SlotRoute&);
// Whether the table has the server of this full name.
bool is_routed(const RouteTable&, std::string_view server);

// "p20000": where the proxy listens; 0 when it is no such name.
std::string port_name(int port);
int port_of(std::string_view name);

}  // namespace gantry
