// Which port of the edge a service gets, and where it leads: read from a request, chosen when it
// says none.
#pragma once

#include <optional>
#include <set>

#include "api/http.hpp"

namespace gantry::api {

// The service that a port is for, as it is now.
struct PortSeeker {
  std::optional<TcpProxy> there = {};
  std::optional<int> own_port = {};  // where it listens; 0: it is a worker
  std::set<int> promised = {};       // ports that others will have, beside those that are taken
};
struct WantedPort {
  TcpProxy proxy;
  bool chosen = false;  // by chance
};
// {"port","target_port"}, both optional. Not to be had: "port_out_of_range", "tcp_port_taken",
// "port_in_use", "tcp_ports_exhausted", "tcp_ports_off".
Result<WantedPort> read_tcp_proxy(const Request&, const Context&, const PortSeeker&);

}  // namespace gantry::api
