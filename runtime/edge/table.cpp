#include "runtime/edge/table.hpp"

#include <algorithm>

#include <arpa/inet.h>

namespace gantry {
namespace {

bool is_host(const std::string& host) {
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const char c = host[i];
    if (c == '.') {
      if (label == 0 || host[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    const bool inner = c == '-' && label > 0;
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || inner)) return false;
    if (++label > 63) return false;
  }
  return label > 0 && host.back() != '-';
}

bool is_ip(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

Result<> check_words(const Route& route) {
  for (const auto& host : route.hosts)
    if (!is_host(host))
      return Error{Code::invalid, "host_invalid", "'" + host + "' is not a lower-case host name"};
  for (const auto& backend : route.backends) {
    if (!is_ip(backend.address.host) || backend.address.port < 1 || backend.address.port > 65535)
      return Error{Code::invalid, "address_invalid",
                   "the edge needs an IP address and a port, not '" + backend.address.str() + "'"};
    if (backend.key.deployment_id.empty() || backend.key.epoch < 0 || backend.key.ordinal < 0)
      return Error{Code::invalid, "replica_invalid", "a backend names no replica"};
  }
  return done();
}

// Names (hosts, replicas) that have one owner among the changes and what stays as it is. Gives the
// other owner, or null when the claim is good.
template <class Map, class Key>
const InstanceId* claim(const Map& standing, const std::set<InstanceId>& changed,
                        std::map<Key, InstanceId>& claimed, const Key& key,
                        const InstanceId& instance) {
  const auto old = standing.find(key);
  if (old != standing.end() && !changed.contains(old->second)) return &old->second;
  const auto [entry, fresh] = claimed.emplace(key, instance);
  return fresh ? nullptr : &entry->second;
}

// As the proxy writes it, so that the two compare equal.
std::string canonical_ip(const std::string& host) {
  in6_addr bytes{};
  char text[INET6_ADDRSTRLEN];
  if (::inet_pton(AF_INET6, host.c_str(), &bytes) != 1) return host;
  return ::inet_ntop(AF_INET6, &bytes, text, sizeof text);
}

Route normal(Route route) {
  for (auto& backend : route.backends) backend.address.host = canonical_ip(backend.address.host);
  std::sort(route.hosts.begin(), route.hosts.end());
  route.hosts.erase(std::unique(route.hosts.begin(), route.hosts.end()), route.hosts.end());
  std::sort(route.backends.begin(), route.backends.end(),
            [](const RouteBackend& a, const RouteBackend& b) { return a.key < b.key; });
  if (route.hosts.empty()) route.backends.clear();
  return route;
}

}  // namespace

std::string slot_name(int slot) {
  std::string digits = std::to_string(slot);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return "s" + digits;
}

void RouteTable::resize(int slots) {
  for (int slot = slots_ + 1; slot <= slots; ++slot)
    if (!by_slot_.contains(slot)) free_.insert(slot);
  slots_ = std::max(slots_, slots);
}

const SlotRoute* RouteTable::at(int slot) const {
  const auto found = by_slot_.find(slot);
  return found == by_slot_.end() ? nullptr : &routes_.at(found->second);
}

RouteTable::Placement RouteTable::find(const ReplicaKey& key) const {
  const auto owner = replicas_.find(key);
  if (owner == replicas_.end()) return {};
  const SlotRoute& route = routes_.at(owner->second);
  for (const auto& backend : route.route.backends)
    if (backend.key == key) return {route.slot, &backend};
  return {};
}

int RouteTable::missing_slots(const std::vector<Route>& changes) const {
  int needed = 0;
  for (const auto& change : changes)
    if (!change.hosts.empty() && !routes_.contains(change.instance_id)) ++needed;
  return std::max(0, needed - free_slots());
}

Result<std::vector<RouteChange>> RouteTable::plan(const std::vector<Route>& changes) const {
  std::set<InstanceId> changed;
  for (const auto& change : changes) {
    if (change.instance_id.empty() || !changed.insert(change.instance_id).second)
      return Error{Code::invalid, "instance_twice", "each change names another instance"};
    GANTRY_TRY(check_words(change));
  }
  std::map<std::string, InstanceId> hosts;
  std::map<ReplicaKey, InstanceId> replicas;
  auto next_free = free_.begin();
  std::vector<RouteChange> plan;
  for (const auto& change : changes) {
    RouteChange step;
    if (const auto old = routes_.find(change.instance_id); old != routes_.end())
      step.before = old->second;
    SlotRoute after{step.before ? step.before->slot : 0, normal(change)};
    for (const auto& host : after.route.hosts)
      if (const auto* owner = claim(hosts_, changed, hosts, host, change.instance_id))
        return Error{Code::conflict, "host_taken", host + " is already routed to " + owner->str()};
    for (const auto& backend : after.route.backends)
      if (claim(replicas_, changed, replicas, backend.key, change.instance_id) != nullptr)
        return Error{Code::invalid, "replica_twice", backend.key.id() + " is routed twice"};
    if (!after.route.hosts.empty()) {
      if (after.slot == 0) {
        if (next_free == free_.end())
          return Error{Code::exhausted, "slots_exhausted", "the edge has no free slot"};
        after.slot = *next_free++;
      }
      step.after = std::move(after);
    }
    if (step.before != step.after) plan.push_back(std::move(step));
  }
  return plan;
}

void RouteTable::take_out(const InstanceId& id) {
  const auto found = routes_.find(id);
  if (found == routes_.end()) return;
  for (const auto& host : found->second.route.hosts) {
    const auto entry = hosts_.find(host);
    if (entry != hosts_.end() && entry->second == id) hosts_.erase(entry);
  }
  for (const auto& backend : found->second.route.backends) {
    const auto entry = replicas_.find(backend.key);
    if (entry != replicas_.end() && entry->second == id) replicas_.erase(entry);
  }
  by_slot_.erase(found->second.slot);
  if (found->second.slot <= slots_) free_.insert(found->second.slot);
  routes_.erase(found);
}

void RouteTable::put_in(const SlotRoute& route) {
  const InstanceId& id = route.route.instance_id;
  for (const auto& host : route.route.hosts) hosts_[host] = id;
  for (const auto& backend : route.route.backends) replicas_[backend.key] = id;
  by_slot_[route.slot] = id;
  free_.erase(route.slot);
  routes_[id] = route;
}

void RouteTable::commit(const std::vector<RouteChange>& changes) {
  for (const auto& change : changes)
    if (change.before) take_out(change.before->route.instance_id);
  for (const auto& change : changes)
    if (change.after) put_in(*change.after);
}

bool RouteTable::restore(const std::vector<SlotRoute>& routes) {
  bool good = true;
  for (const auto& route : routes) take_out(route.route.instance_id);
  for (const auto& route : routes) {
    if (route.route.hosts.empty()) continue;
    if (const auto older = by_slot_.find(route.slot); older != by_slot_.end())
      take_out(InstanceId(older->second));
    for (const auto& host : route.route.hosts)
      if (const auto older = hosts_.find(host); older != hosts_.end())
        take_out(InstanceId(older->second));
    const bool slot_good = route.slot >= 1 && route.slot <= kMostSlots;
    if (slot_good) resize(route.slot);
    if (!slot_good || !plan({route.route})) {
      good = false;
      continue;
    }
    put_in({route.slot, normal(route.route)});
  }
  return good;
}

}  // namespace gantry
