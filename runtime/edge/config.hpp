// Texts that HAProxy reads, made from the table. Pure. Nothing but validated words goes into them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/edge/haproxy.hpp"
#include "runtime/edge/maps.hpp"
#include "runtime/edge/servers.hpp"

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

// Behind a draining replica's line, with its weight: the proxy reads a comment.
constexpr std::string_view kDrainingMark = " # draining ";

// The Lua action that holds requests of a sleeping slot and calls at the wake socket.
std::string hold_script(const EdgePaths&);

// File name to text: error pages with the request's id, in HAProxy's log-format.
std::map<std::string, std::string> error_pages();

}  // namespace gantry
