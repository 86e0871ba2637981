// Texts that HAProxy reads, made from the table. Pure. Nothing but validated words goes into them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/edge/haproxy.hpp"
#include "runtime/edge/maps.hpp"

namespace gantry {

// Paths below the edge's directory.
struct EdgePaths {
  explicit EdgePaths(const EdgeOptions&);
  std::string directory, run, pages;
  std::string config, candidate, hold_script, log, lock;
  MapFiles maps;
  std::string master_socket, worker_socket;
  std::string wake_socket;  // the daemon listens, the proxy calls
};

// A number for everything that only a reload can change: another one means that it is needed.
int layout_of(const RouteTable&, const EdgeOptions&);

bool needs_reload(const RouteChange&);

std::string server_name(const ReplicaKey&);
// "127.0.0.1:80", "[::1]:80"
std::string server_address(const Address&);
// The options of `server` and `add server` alike. max_connections 0: no limit.
std::string server_options(int weight, int max_connections);
// Behind a draining replica's line, with its weight: the proxy reads a comment.
constexpr std::string_view kDrainingMark = " # draining ";

// The Lua action that holds requests of a sleeping slot and calls at the wake socket.
std::string hold_script(const EdgePaths&);

// File name to text: error pages with the request's id, in HAProxy's log-format.
std::map<std::string, std::string> error_pages();

}  // namespace gantry
