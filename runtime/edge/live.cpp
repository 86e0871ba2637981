#include "runtime/edge/live.hpp"

#include <set>
#include <sstream>

#include "runtime/edge/config.hpp"
#include "runtime/edge/number.hpp"

namespace gantry {
namespace {

using Expect = Command::Expect;

// Columns of "show servers state", format 1.
enum Column {
  kBackend = 1,
  kServer = 3,
  kAddress = 4,
  kAdmin = 6,
  kWeight = 7,
  kCheckState = 13,
  kPort = 18,
  kColumns
};
constexpr int kForcedMaintenance = 0x01, kForcedDrain = 0x08, kCheckEnabled = 0x04;

struct Batch {
  std::vector<Command> add, maps_in, maps_out, less, remove;

  void say(std::vector<Command>& part, const std::string& text) {
    part.push_back({text, Expect::nothing, {}});
  }
  void add_server(const EdgeServer& server) {
    const std::string name = server.full_name();
    add.push_back({"add server " + name + " " + server_address(server.address) + " " +
                       server.options(server.weight),
                   Expect::registered,
                   {}});
    if (server.checked) say(add, "enable health " + name);
    if (!server.draining)
      say(add, "enable server " + name);
    else
      drain_server(name);
  }
  void drain_server(const std::string& server) {
    say(less, "set server " + server + " state drain");
  }
  void weigh_server(std::vector<Command>& part, const std::string& server, int weight) {
    say(part, "set server " + server + " weight " + std::to_string(weight));
  }
  void ready_server(const std::string& server, int weight) {
    weigh_server(add, server, weight);
    say(add, "set server " + server + " state ready");
  }
  void limit_server(const std::string& server, int max_connections) {
    say(add, "set maxconn server " + server + " " + std::to_string(max_connections));
  }
  void move_server(const std::string& server, const Address& address) {
    add.push_back(
        {"set server " + server + " addr " + address.host + " port " + std::to_string(address.port),
         Expect::readdressed,
         {}});
  }
  void remove_server(const std::string& server) {
    say(remove, "set server " + server + " state maint");
    remove.push_back({"del server " + server, Expect::removed, server});
  }
  std::vector<Command> in_order() && {
    for (auto* part : {&maps_in, &maps_out, &less, &remove})
      add.insert(add.end(), part->begin(), part->end());
    return std::move(add);
  }
};

using Servers = std::map<std::string, EdgeServer>;

Servers by_name(const std::optional<SlotRoute>& route) {
  Servers servers;
  if (route)
    for (auto& server : servers_of(*route)) {
      std::string name = server.full_name();
      servers.emplace(std::move(name), std::move(server));
    }
  return servers;
}

void change_server(const std::string& server, const EdgeServer& before, const EdgeServer& after,
                   Batch& batch) {
  if (before.address != after.address) batch.move_server(server, after.address);
  if (after.draining) {
    if (!before.draining) batch.drain_server(server);
  } else if (before.draining) {
    batch.ready_server(server, after.weight);
  } else if (before.weight != after.weight) {
    batch.weigh_server(after.weight > before.weight ? batch.add : batch.less, server, after.weight);
  }
  if (before.max_connections != after.max_connections)
    batch.limit_server(server, after.max_connections);
}

void change_servers(const RouteChange& change, Batch& batch) {
  const Servers before = by_name(change.before), after = by_name(change.after);
  for (const auto& [name, server] : after)
    if (const auto old = before.find(name); old == before.end())
      batch.add_server(server);
    else
      change_server(name, old->second, server, batch);
  for (const auto& [name, server] : before)
    if (!after.contains(name)) batch.remove_server(name);
}

void change_map(const MapEntries& before, const MapEntries& after, const std::string& file,
                Batch& batch) {
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old == before.end())
      batch.say(batch.maps_in, "add map " + file + " " + key + " " + value);
    else if (old->second != value)
      batch.say(batch.maps_in, "set map " + file + " " + key + " " + value);
  }
  for (const auto& [key, value] : before)
    if (!after.contains(key)) batch.say(batch.maps_out, "del map " + file + " " + key);
}

void repair_server(const EdgeServer& wanted, const LiveServer& live, Batch& batch) {
  const std::string server = wanted.full_name();
  if (live.address != wanted.address) batch.move_server(server, wanted.address);
  if (wanted.checked && !live.checked) batch.say(batch.add, "enable health " + server);
  const bool drains = !live.maintenance && (live.draining || live.weight == 0);
  if (wanted.draining && !drains) batch.drain_server(server);
  if (wanted.draining) return;
  if (live.maintenance || live.draining)
    batch.ready_server(server, wanted.weight);
  else if (live.weight != wanted.weight)
    batch.weigh_server(batch.add, server, wanted.weight);
}

// A slot's entry is changed after its servers' limits: where it differs they may, too.
void repair_limits(const RouteTable& table, const std::string& slot, Batch& batch) {
  const auto* route = table.at(leading_number(std::string_view(slot).substr(1)));
  if (route == nullptr || slot_name(route->slot) != slot) return;
  for (const auto& server : servers_of(*route))
    if (server.slot == slot) batch.limit_server(server.full_name(), server.max_connections);
}

// Gives the keys that differed.
std::set<std::string> repair_map(const MapEntries& wanted, const std::vector<LiveEntry>& live,
                                 const std::string& file, Batch& batch) {
  std::set<std::string> seen, different;
  for (const auto& entry : live) {
    const auto right = wanted.find(entry.key);
    if (right == wanted.end() || !seen.insert(entry.key).second)
      batch.say(batch.maps_out, "del map " + file + " #" + entry.reference);
    else if (right->second != entry.value)
      batch.say(batch.maps_in, "set map " + file + " #" + entry.reference + " " + right->second);
    else
      continue;
    different.insert(entry.key);
  }
  for (const auto& [key, value] : wanted) {
    if (seen.contains(key)) continue;
    batch.say(batch.maps_in, "add map " + file + " " + key + " " + value);
    different.insert(key);
  }
  return different;
}

}  // namespace

Result<LiveState> parse_live(std::string_view servers,
                             const std::array<std::string, kMapCount>& maps) {
  LiveState live;
  std::istringstream lines{std::string(servers)};
  std::string line;
  if (!std::getline(lines, line) || line != "1")
    return Error{Code::internal, "edge_unreadable",
                 "the proxy lists its servers in a form that is not known: " + line};
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    if (fields.size() < kColumns)
      return Error{Code::internal, "edge_unreadable",
                   "the proxy lists a server in a form that is not known: " + line};
    const int admin = leading_number(fields[kAdmin]);
    live.servers[fields[kBackend]][fields[kServer]] = {
        .address = {fields[kAddress], leading_number(fields[kPort])},
        .maintenance = (admin & kForcedMaintenance) != 0,
        .draining = (admin & kForcedDrain) != 0,
        .checked = (leading_number(fields[kCheckState]) & kCheckEnabled) != 0,
        .weight = leading_number(fields[kWeight])};
  }
  for (std::size_t map = 0; map < kMapCount; ++map) {
    std::istringstream entries(maps[map]);
    while (std::getline(entries, line)) {
      std::istringstream words(line);
      LiveEntry entry;
      if (words >> entry.reference >> entry.key >> entry.value) live.maps[map].push_back(entry);
    }
  }
  return live;
}

std::vector<Command> commands_for(const std::vector<RouteChange>& changes, const MapFiles& files) {
  Batch batch;
  Maps before, after;  // over all changes: a host may move between two of them
  for (const auto& change : changes) {
    change_servers(change, batch);
    if (change.before) add_entries(*change.before, before);
    if (change.after) add_entries(*change.after, after);
  }
  for (std::size_t map = 0; map < kMapCount; ++map)
    change_map(before[map], after[map], files[map], batch);
  return std::move(batch).in_order();
}

std::vector<Command> repairs_for(const RouteTable& table, const LiveState& live,
                                 const MapFiles& files) {
  Batch batch;
  static const std::map<std::string, LiveServer> kNone;
  std::set<std::string> known;
  for (const auto& [id, route] : table.routes()) {
    for (const auto& wanted : servers_of(route)) {
      const auto slot = live.servers.find(wanted.slot);
      const auto& servers = slot == live.servers.end() ? kNone : slot->second;
      const auto server = servers.find(wanted.name);
      if (server == servers.end())
        batch.add_server(wanted);
      else
        repair_server(wanted, server->second, batch);
      known.insert(wanted.full_name());
    }
  }
  for (const auto& [slot, servers] : live.servers)
    for (const auto& [name, server] : servers)
      if (!known.contains(slot + "/" + name)) batch.remove_server(slot + "/" + name);
  const Maps wanted = maps_of(table);
  for (std::size_t map = 0; map < kMapCount; ++map) {
    const auto different = repair_map(wanted[map], live.maps[map], files[map], batch);
    if (map == kSlotsMap)
      for (const auto& slot : different) repair_limits(table, slot, batch);
  }
  return std::move(batch).in_order();
}

}  // namespace gantry
