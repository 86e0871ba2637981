#include "runtime/edge/table.hpp"

#include <algorithm>

#include "runtime/edge/number.hpp"
#include "runtime/edge/table_plan.hpp"

namespace gantry {

namespace {

std::string numbered(char letter, int slot) {
  std::string digits = std::to_string(slot);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return letter + digits;
}

}  // namespace

std::string slot_name(int slot) { return numbered('s', slot); }
std::string tcp_slot_name(int slot) { return numbered('t', slot); }

int slot_of(std::string_view name) {
  if (name.size() < 5 || name.size() > 8) return 0;
  const int slot = leading_number(name.substr(1));
  return slot_name(slot) == name || tcp_slot_name(slot) == name ? slot : 0;
}

std::vector<const RouteBackend*> preview_backends(const Route& route, const Preview& preview) {
  std::vector<const RouteBackend*> backends;
  for (const auto& backend : route.backends)
    if (!backend.draining &&
        std::find(preview.keys.begin(), preview.keys.end(), backend.key) != preview.keys.end())
      backends.push_back(&backend);
  return backends;
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
    if (!is_empty(change) && !routes_.contains(change.instance_id)) ++needed;
  return std::max(0, needed - free_slots());
}

void RouteTable::take_out(const InstanceId& id) {
  const auto found = routes_.find(id);
  if (found == routes_.end()) return;
  for (const auto& host : all_hosts(found->second.route)) {
    const auto entry = hosts_.find(host);
    if (entry != hosts_.end() && entry->second == id) hosts_.erase(entry);
  }
  if (const auto& proxy = found->second.route.tcp_proxy) {
    const auto entry = ports_.find(proxy->port);
    if (entry != ports_.end() && entry->second == id) ports_.erase(entry);
  }
  if (const auto& split = found->second.route.split) splitters_[split->to].erase(id);
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
  for (const auto& host : all_hosts(route.route)) hosts_[host] = id;
  if (route.route.tcp_proxy) ports_[route.route.tcp_proxy->port] = id;
  if (route.route.split) splitters_[route.route.split->to].insert(id);
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
    if (is_empty(route.route)) continue;
    if (const auto older = by_slot_.find(route.slot); older != by_slot_.end())
      take_out(InstanceId(older->second));
    for (const auto& host : all_hosts(route.route))
      if (const auto older = hosts_.find(host); older != hosts_.end())
        take_out(InstanceId(older->second));
    if (route.route.tcp_proxy)
      if (const auto older = ports_.find(route.route.tcp_proxy->port); older != ports_.end())
        take_out(InstanceId(older->second));
    const bool slot_good = route.slot >= 1 && route.slot <= kMostSlots;
    if (slot_good) resize(route.slot);
    if (!slot_good || !plan({route.route})) {
      good = false;
      continue;
    }
    put_in({route.slot, normal_route(route.route)});
  }
  settle_splits();
  return good;
}

void RouteTable::settle_splits() {
  for (const auto& [target, splitters] : splitters_) {
    const auto to = routes_.find(target);
    const bool goes = to != routes_.end() && is_serving(to->second.route);
    for (const auto& id : splitters) routes_.at(id).split_slot = goes ? to->second.slot : 0;
  }
}

}  // namespace gantry
