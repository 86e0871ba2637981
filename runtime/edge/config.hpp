// Texts that HAProxy reads, made from the table. Pure. Nothing but validated words goes into them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/edge/haproxy.hpp"

namespace gantry {

// Paths below the edge's directory.
struct EdgePaths {
  explicit EdgePaths(const EdgeOptions&);
  std::string directory, run, pages;
  std::string config, candidate, hosts_map, log, lock;
  std::string master_socket, worker_socket;
};

// A number for everything of the configuration but its routes: another one means that a reload is
// needed.
int layout_of(const RouteTable&, const EdgeOptions&);

std::string hosts_map_text(const RouteTable&);

std::string server_name(const ReplicaKey&);
// "127.0.0.1:80", "[::1]:80"
std::string server_address(const Address&);
// The options of `server` and `add server` alike.
extern const char* const kServerOptions;
constexpr int kServerWeight = 100;

// File name to text: error pages with the request's id, in HAProxy's log-format.
std::map<std::string, std::string> error_pages();

}  // namespace gantry
