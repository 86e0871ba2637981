// What the running proxy says it routes, and the commands that bring it to what the table says.
// Pure.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/edge/maps.hpp"

namespace gantry {

struct LiveServer {
  Address address;
  bool maintenance = false;
  bool draining = false;
  bool checked = false;
  int weight = 0;
};

struct LiveEntry {
  std::string reference;  // "0x55..": names the entry, not the key
  std::string key;
  std::string value;
};

struct LiveState {
  std::map<std::string, std::map<std::string, LiveServer>> servers;  // by slot name, by server name
  std::array<std::vector<LiveEntry>, kMapCount> maps;
};

// `servers`: answer to "show servers state"; `maps`: to each "show map". Code::internal
// "edge_unreadable".
Result<LiveState> parse_live(std::string_view servers,
                             const std::array<std::string, kMapCount>& maps);

// One line for the runtime API and the answer that means success.
struct Command {
  enum class Expect { nothing, registered, readdressed, removed };
  std::string text;
  Expect expect = Expect::nothing;
  std::string server;  // removed: "slot/server", whose sessions may have to be shut down
};

// Additions first, then maps, hosts last among them, then what gets less, then removals, so that no
// request meets a gap.
std::vector<Command> commands_for(const std::vector<RouteChange>&, const MapFiles&);
std::vector<Command> repairs_for(const RouteTable&, const LiveState&, const MapFiles&);

}  // namespace gantry
