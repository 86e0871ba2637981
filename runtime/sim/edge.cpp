#include "runtime/sim/edge.hpp"

#include <algorithm>
#include <utility>

namespace gantry {
namespace {

Error not_started() {
  return {Code::unavailable, "edge_not_started", "the edge has not been started"};
}

int count_of(const std::map<ReplicaKey, int>& counts, const ReplicaKey& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

// By weight, together `whole`.
void share_out(const Route& route, double whole, std::map<ReplicaKey, double>& shares) {
  int weights = 0;
  for (const auto& backend : route.backends)
    if (is_serving(backend)) weights += backend.weight;
  for (const auto& backend : route.backends)
    if (is_serving(backend)) shares[backend.key] += whole * backend.weight / weights;
}

}  // namespace

void SimEdge::go_live() {
  live_ = table_;
  running_ = true;
  behind_ = false;
  std::erase_if(held_, [&](const auto& waiting) {
    const auto route = live_.routes().find(waiting.first);
    if (route == live_.routes().end()) return true;
    if (!is_serving(route->second.route)) return false;
    loads_[waiting.first].requests += static_cast<std::uint64_t>(waiting.second);
    return true;
  });
}

Result<> SimEdge::start() {
  go_live();
  started_ = true;
  return done();
}

std::vector<Route> SimEdge::table() const {
  std::vector<Route> routes;
  for (const auto& [id, route] : table_.routes()) routes.push_back(route.route);
  return routes;
}

Result<AppliedGeneration> SimEdge::apply(const std::vector<Route>& changes) {
  if (!started_) return not_started();
  const bool fails = faults_ > 0;
  if (fails) --faults_;
  if (fails && fault_ == Fault::refused)
    return Error{Code::unavailable, "edge_unreachable", "a simulated fault"};
  if (const int missing = table_.missing_slots(changes); missing > 0)
    table_.resize(table_.slots() + missing);
  const auto plan = table_.plan(changes);
  if (!plan) return plan.error();
  if (plan->empty() && !behind_ && !fails && running_)
    return AppliedGeneration{table_.generation()};
  table_.commit(*plan);
  if (!plan->empty()) table_.set_generation(table_.generation() + 1);
  if (fails || !running_) {
    behind_ = true;
    return Error{Code::unavailable, "edge_unreachable", "a simulated fault"};
  }
  go_live();
  history_.push_back({table_.generation(), changes});
  return AppliedGeneration{table_.generation()};
}

std::vector<ClosedPort> SimEdge::closed_ports() const {
  std::vector<ClosedPort> closed;
  for (const auto& [port, id] : table_.ports())
    if (taken_ports_.contains(port))
      closed.push_back(
          {id, port, {Code::conflict, "port_in_use", "another program listens there"}});
  return closed;
}

Result<DrainProof> SimEdge::drained(const ReplicaKey& key, TimePoint now,
                                    const DrainDeadlines& deadlines) {
  if (!started_) return not_started();
  const auto placed = table_.find(key);
  if (placed.backend == nullptr && !behind_) return make(key);
  if (placed.backend == nullptr)
    return Error{Code::unavailable, "edge_behind", "the proxy may route to it still"};
  if (!placed.backend->draining)
    return Error{Code::conflict, "still_routed", key.id() + " still gets new requests"};
  if (behind_)
    return Error{Code::unavailable, "edge_behind", "the proxy has not been told to drain yet"};
  if (now >= deadlines.streams) return make(key);
  if (!running_) return Error{Code::unavailable, "edge_died", "the proxy does not run"};
  const int requests = now >= deadlines.requests ? 0 : count_of(sessions_, key);
  const int left = requests + count_of(streams_, key);
  if (left == 0) return make(key);
  return Error{Code::conflict, "sessions_left",
               key.id() + " has " + std::to_string(left) + " sessions left"};
}

Result<std::vector<RouteLoad>> SimEdge::load() {
  if (!started_) return not_started();
  if (!running_) return Error{Code::unavailable, "edge_died", "the proxy does not run"};
  std::vector<RouteLoad> loads;
  for (const auto& [id, route] : live_.routes()) {
    RouteLoad load = loads_[id];
    load.instance_id = id;
    load.sessions += held(id);
    load.queued += held(id);
    loads.push_back(load);
  }
  return loads;
}

std::vector<ReplicaMeasure> SimEdge::measured() {
  std::vector<ReplicaMeasure> measured;
  for (const auto& [key, measure] : std::exchange(measures_, {}))
    if (const auto* route = live_.at(live_.find(key).slot))
      measured.push_back({route->route.instance_id, key, measure});
  return measured;
}

void SimEdge::add_measure(const ReplicaKey& key, const Measure& measure) {
  const auto* route = live_.at(live_.find(key).slot);
  if (route != nullptr && route->route.measured) measures_[key].add(measure);
}

Result<bool> SimEdge::supervise() {
  if (!started_) return not_started();
  const bool repaired = behind_ || !running_;
  if (!running_) {
    sessions_.clear();
    streams_.clear();
    held_.clear();
  }
  go_live();
  return repaired;
}

void SimEdge::fail_next_applies(int times, Fault fault) {
  faults_ = times;
  fault_ = fault;
}

std::vector<ReplicaKey> SimEdge::receivers(const std::string& host) const {
  std::vector<ReplicaKey> keys;
  for (const auto& [key, share] : shares(host)) keys.push_back(key);
  return keys;
}

std::vector<ReplicaKey> SimEdge::receivers(int port) const {
  std::vector<ReplicaKey> keys;
  const auto owner = live_.ports().find(port);
  if (!running_ || owner == live_.ports().end() || taken_ports_.contains(port)) return keys;
  for (const auto& backend : live_.routes().at(owner->second).route.backends)
    if (is_serving(backend)) keys.push_back(backend.key);
  return keys;
}

std::map<ReplicaKey, double> SimEdge::shares(const std::string& host) const {
  std::map<ReplicaKey, double> shares;
  const auto owner = live_.hosts().find(host);
  if (!running_ || owner == live_.hosts().end()) return shares;
  const SlotRoute& own = live_.routes().at(owner->second);
  for (const auto& preview : own.route.previews) {
    if (preview.host != host) continue;
    const auto backends = preview_backends(own.route, preview);
    for (const auto* backend : backends)
      shares[backend->key] = 1.0 / static_cast<double>(backends.size());
    return shares;
  }
  const double away = own.split_slot == 0 ? 0 : own.route.split->percent / 100.0;
  if (away < 1) share_out(own.route, 1 - away, shares);
  if (away > 0) share_out(live_.at(own.split_slot)->route, away, shares);
  return shares;
}

SimEdge::Outcome SimEdge::request(const std::string& host) {
  const auto owner = live_.hosts().find(host);
  if (!running_ || owner == live_.hosts().end()) return Outcome::unknown;
  const InstanceId id = owner->second;
  if (!shares(host).empty()) {
    ++loads_[id].requests;
    return Outcome::answered;
  }
  const Route& route = live_.routes().at(id).route;
  const bool plain = std::find(route.hosts.begin(), route.hosts.end(), host) != route.hosts.end();
  if (!plain || !route.asleep) return Outcome::unavailable;
  ++held_[id];
  wake_(id);
  return Outcome::held;
}

int SimEdge::held(const InstanceId& id) const {
  const auto found = held_.find(id);
  return found == held_.end() ? 0 : found->second;
}

void SimEdge::remind() {
  for (const auto& [id, count] : std::map(held_))
    if (live_.routes().contains(id) && live_.routes().at(id).route.asleep) wake_(id);
}

}  // namespace gantry
