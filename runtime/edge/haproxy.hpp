// The edge on HAProxy 2.6 in master-worker mode. Files first: routes.json and
// its journal are the truth, haproxy.cfg and hosts.map are made from them; then the running proxy
// is changed through its runtime API, or reloaded when that cannot say it. The proxy outlives this
// object. Blocks; safe to call from several threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "runtime/edge/edge.hpp"
#include "runtime/edge/table.hpp"

namespace gantry {

struct EdgeOptions {
  std::string directory;  // absolute; made when absent. Sockets live in <directory>/run
  std::string haproxy = "/usr/sbin/haproxy";
  std::string bind_address = "0.0.0.0";
  int port = 80;
  std::optional<uid_t>
      uid;  // with `gid`: the proxy runs as that user and may still bind ports below 1024
  std::optional<gid_t> gid;
  int slots = 64;  // at first; doubled when less than a tenth is free
  int max_connections = 4000;
  // What happened and no caller asked for: "edge_restarted ...". Called on the calling thread; must
  // not block.
  std::function<void(std::string_view)> notice = [](std::string_view) {};
};

std::unique_ptr<Edge> make_haproxy_edge(const EdgeOptions&);

// The whole configuration as text. Pure; the table is valid, so that the text always loads.
std::string haproxy_config(const RouteTable&, const EdgeOptions&);

// Why the edge cannot listen on a port of its address; nothing: it could. For a moment it is taken.
std::optional<Error> check_port(const EdgeOptions&, int port);

// Ends the proxy of this directory, if one runs. graceful: connections may finish (up to
// hard-stop-after), returns at once; destroy the Edge before it, whose control session would keep
// the worker too.
enum class StopMode { graceful, now };
Result<> stop_haproxy(const EdgeOptions&, StopMode);

}  // namespace gantry
