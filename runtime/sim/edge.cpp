#include "runtime/sim/edge.hpp"

#include <algorithm>

namespace gantry {
namespace {

Error not_started() {
  return {Code::unavailable, "edge_not_started", "the edge has not been started"};
}

}  // namespace

Result<> SimEdge::start() {
  live_ = table_;
  started_ = running_ = true;
  behind_ = false;
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
  live_ = table_;
  behind_ = false;
  history_.push_back({table_.generation(), changes});
  return AppliedGeneration{table_.generation()};
}

Result<DrainProof> SimEdge::drained(const ReplicaKey& key, TimePoint now,
                                    const DrainDeadlines& deadlines) {
  if (!started_) return not_started();
  const auto placed = table_.find(key);
  if (placed.backend == nullptr) return make(key);
  if (!placed.backend->draining)
    return Error{Code::conflict, "still_routed", key.id() + " still gets new requests"};
  if (now >= deadlines.streams) return make(key);
  if (behind_)
    return Error{Code::unavailable, "edge_behind", "the proxy has not been told to drain yet"};
  if (!running_) return Error{Code::unavailable, "edge_died", "the proxy does not run"};
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second == 0) return make(key);
  return Error{Code::conflict, "sessions_left",
               key.id() + " has " + std::to_string(found->second) + " sessions left"};
}

Result<std::vector<RouteLoad>> SimEdge::load() { return std::vector<RouteLoad>(); }
std::vector<ReplicaMeasure> SimEdge::measured() { return {}; }
void SimEdge::on_wake(std::function<void(const InstanceId&)>) {}

Result<bool> SimEdge::supervise() {
  if (!started_) return not_started();
  const bool repaired = behind_ || !running_;
  if (!running_) sessions_.clear();
  live_ = table_;
  running_ = true;
  behind_ = false;
  return repaired;
}

void SimEdge::fail_next_applies(int times, Fault fault) {
  faults_ = times;
  fault_ = fault;
}

std::vector<ReplicaKey> SimEdge::receivers(const std::string& host) const {
  std::vector<ReplicaKey> keys;
  const auto owner = live_.hosts().find(host);
  if (!running_ || owner == live_.hosts().end()) return keys;
  for (const auto& backend : live_.routes().at(owner->second).route.backends)
    if (!backend.draining) keys.push_back(backend.key);
  return keys;
}

}  // namespace gantry
