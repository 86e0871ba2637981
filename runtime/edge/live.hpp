// What the running proxy says it routes, and the commands that bring it to what the table says.
// Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/edge/table.hpp"

namespace gantry {

struct LiveServer {
  Address address;
  bool maintenance = false;
  bool draining = false;
  bool checked = false;
  int weight = 0;
};

struct LiveHost {
  std::string reference;  // "0x55..": names the entry, not the host
  std::string host;
  std::string slot;
};

struct LiveState {
  std::map<std::string, std::map<std::string, LiveServer>> servers;  // by slot name, by server name
  std::vector<LiveHost> hosts;
};

// `servers`: answer to "show servers state"; `hosts`: to "show map". Code::internal
// "edge_unreadable".
Result<LiveState> parse_live(std::string_view servers, std::string_view hosts);

// One line for the runtime API and the answer that means success.
struct Command {
  enum class Expect { nothing, registered, readdressed, removed };
  std::string text;
  Expect expect = Expect::nothing;
  std::string server;  // removed: "slot/server", whose sessions may have to be shut down
};

// Additions first, then hosts, then drains, then removals, so that no request meets a gap.
std::vector<Command> commands_for(const std::vector<RouteChange>&, const std::string& hosts_map);
std::vector<Command> repairs_for(const RouteTable&, const LiveState&, const std::string& hosts_map);

}  // namespace gantry
