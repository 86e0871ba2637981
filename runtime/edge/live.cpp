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
  std::vector<Command> add, hosts, drain, remove;

  void add_server(const std::string& server, const RouteBackend& backend) {
    add.push_back(
        {"add server " + server + " " + server_address(backend.address) + " " + kServerOptions,
         Expect::registered,
         {}});
    add.push_back({"enable health " + server, Expect::nothing, {}});
    if (!backend.draining)
      add.push_back({"enable server " + server, Expect::nothing, {}});
    else
      drain_server(server);
  }
  void drain_server(const std::string& server) {
    drain.push_back({"set server " + server + " state drain", Expect::nothing, {}});
  }
  void ready_server(const std::string& server) {
    add.push_back(
        {"set server " + server + " weight " + std::to_string(kServerWeight), Expect::nothing, {}});
    add.push_back({"set server " + server + " state ready", Expect::nothing, {}});
  }
  void move_server(const std::string& server, const Address& address) {
    add.push_back(
        {"set server " + server + " addr " + address.host + " port " + std::to_string(address.port),
         Expect::readdressed,
         {}});
  }
  void remove_server(const std::string& server) {
    remove.push_back({"set server " + server + " state maint", Expect::nothing, {}});
    remove.push_back({"del server " + server, Expect::removed, server});
  }
  void host(const std::string& verb, const std::string& map, const std::string& rest) {
    hosts.push_back({verb + " map " + map + " " + rest, Expect::nothing, {}});
  }
  std::vector<Command> in_order() && {
    for (auto* part : {&hosts, &drain, &remove}) add.insert(add.end(), part->begin(), part->end());
    return std::move(add);
  }
};

std::string server_of(int slot, const ReplicaKey& key) {
  return slot_name(slot) + "/" + server_name(key);
}

using Backends = std::map<ReplicaKey, const RouteBackend*>;

Backends backends_of(const std::optional<SlotRoute>& route) {
  Backends backends;
  if (route)
    for (const auto& backend : route->route.backends) backends[backend.key] = &backend;
  return backends;
}

void change_servers(const RouteChange& change, Batch& batch) {
  const int slot = change.after ? change.after->slot : change.before->slot;
  const Backends before = backends_of(change.before), after = backends_of(change.after);
  for (const auto& [key, backend] : after) {
    const std::string server = server_of(slot, key);
    const auto old = before.find(key);
    if (old == before.end()) {
      batch.add_server(server, *backend);
      continue;
    }
    if (old->second->address != backend->address) batch.move_server(server, backend->address);
    if (!old->second->draining && backend->draining) batch.drain_server(server);
    if (old->second->draining && !backend->draining) batch.ready_server(server);
  }
  for (const auto& [key, backend] : before)
    if (!after.contains(key)) batch.remove_server(server_of(slot, key));
}

void repair_server(const std::string& server, const RouteBackend& backend, const LiveServer& live,
                   Batch& batch) {
  if (live.address != backend.address) batch.move_server(server, backend.address);
  if (!live.checked) batch.add.push_back({"enable health " + server, Expect::nothing, {}});
  const bool drains = !live.maintenance && (live.draining || live.weight == 0);
  if (backend.draining && !drains) batch.drain_server(server);
  if (!backend.draining && (live.maintenance || live.draining || live.weight != kServerWeight))
    batch.ready_server(server);
}

void repair_hosts(const RouteTable& table, const LiveState& live, const std::string& map,
                  Batch& batch) {
  std::set<std::string> seen;
  for (const auto& entry : live.hosts) {
    const auto owner = table.hosts().find(entry.host);
    const std::string slot =
        owner == table.hosts().end() ? "" : slot_name(table.routes().at(owner->second).slot);
    if (slot != entry.slot || seen.contains(entry.host))
      batch.host("del", map, "#" + entry.reference);
    else
      seen.insert(entry.host);
  }
  for (const auto& [host, instance] : table.hosts())
    if (!seen.contains(host))
      batch.host("add", map, host + " " + slot_name(table.routes().at(instance).slot));
}

}  // namespace

Result<LiveState> parse_live(std::string_view servers, std::string_view hosts) {
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
  std::istringstream entries{std::string(hosts)};
  while (std::getline(entries, line)) {
    std::istringstream words(line);
    LiveHost host;
    if (words >> host.reference >> host.host >> host.slot) live.hosts.push_back(host);
  }
  return live;
}

std::vector<Command> commands_for(const std::vector<RouteChange>& changes,
                                  const std::string& hosts_map) {
  Batch batch;
  std::map<std::string, std::string> before,
      after;  // over all changes: a host may move between two of them
  for (const auto& change : changes) {
    change_servers(change, batch);
    if (change.before)
      for (const auto& host : change.before->route.hosts)
        before[host] = slot_name(change.before->slot);
    if (change.after)
      for (const auto& host : change.after->route.hosts)
        after[host] = slot_name(change.after->slot);
  }
  for (const auto& [host, slot] : after) {
    const auto old = before.find(host);
    if (old == before.end())
      batch.host("add", hosts_map, host + " " + slot);
    else if (old->second != slot)
      batch.host("set", hosts_map, host + " " + slot);
  }
  for (const auto& [host, slot] : before)
    if (!after.contains(host)) batch.host("del", hosts_map, host);
  return std::move(batch).in_order();
}

std::vector<Command> repairs_for(const RouteTable& table, const LiveState& live,
                                 const std::string& hosts_map) {
  Batch batch;
  static const std::map<std::string, LiveServer> kNone;
  for (const auto& [id, route] : table.routes()) {
    const auto slot = live.servers.find(slot_name(route.slot));
    const auto& servers = slot == live.servers.end() ? kNone : slot->second;
    for (const auto& backend : route.route.backends) {
      const auto server = servers.find(server_name(backend.key));
      if (server == servers.end())
        batch.add_server(server_of(route.slot, backend.key), backend);
      else
        repair_server(server_of(route.slot, backend.key), backend, server->second, batch);
    }
  }
  for (const auto& [slot, servers] : live.servers)
    for (const auto& [name, server] : servers) {
      const auto key = ReplicaKey::parse(name);
      const auto placed = key ? table.find(*key) : RouteTable::Placement{};
      if (placed.backend == nullptr || slot_name(placed.slot) != slot)
        batch.remove_server(slot + "/" + name);
    }
  repair_hosts(table, live, hosts_map, batch);
  return std::move(batch).in_order();
}

}  // namespace gantry
