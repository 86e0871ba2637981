// Facts about the edge: what it has, what it refused, what has drained.
#include <algorithm>

#include "runtime/edge/weights.hpp"
#include "scheduler/absorb.hpp"
#include "scheduler/mutation.hpp"

namespace gantry {
namespace {

// A host that this route has now is nobody else's any more.
void hold_hosts(World& world, const InstanceWorld& instance, const Route& route) {
  for (const std::string& host : instance.applied.hosts) {
    const auto holder = world.host_holders.find(host);
    if (holder != world.host_holders.end() && holder->second == instance.id)
      world.host_holders.erase(holder);
  }
  for (const std::string& host : route.hosts) {
    const auto [holder, fresh] = world.host_holders.try_emplace(host, instance.id);
    if (fresh || holder->second == instance.id) continue;
    if (const auto before = world.instances.find(holder->second); before != world.instances.end()) {
      std::erase(before->second.applied.hosts, host);
      world.dirty.insert(before->first);
    }
    holder->second = instance.id;
  }
}

// As with hosts.
void hold_port(World& world, const InstanceWorld& instance, const Route& route) {
  if (const auto& before = instance.applied.tcp_proxy) {
    const auto holder = world.port_holders.find(before->port);
    if (holder != world.port_holders.end() && holder->second == instance.id)
      world.port_holders.erase(holder);
  }
  if (!route.tcp_proxy) return;
  const auto [holder, fresh] = world.port_holders.try_emplace(route.tcp_proxy->port, instance.id);
  if (fresh || holder->second == instance.id) return;
  if (const auto before = world.instances.find(holder->second); before != world.instances.end()) {
    before->second.applied.tcp_proxy.reset();
    world.dirty.insert(before->first);
  }
  holder->second = instance.id;
}

}  // namespace

void on(World& world, const RoutesApplied& fact, TimePoint now) {
  for (const Route& route : fact.routes) {
    InstanceWorld& instance = instance_of(world, route.instance_id, now);
    hold_hosts(world, instance, route);
    hold_port(world, instance, route);
    for (const RouteBackend& backend : route.backends) {
      ReplicaWorld* replica = find_replica(instance, backend.key);
      if (replica == nullptr) continue;
      replica->served = true;
      if (backend.draining) continue;
      if (mutated(Mutation::proof_of_earlier_run)) continue;
      replica->proof.reset();  // of a drain before: it has new sessions
      if (replica->busy == Busy::draining) replica->busy = Busy::none;
    }
    const bool turned = is_serving(instance.applied) != is_serving(route);
    if (turned)  // who sends it a share of its requests looks again
      for (const auto& [id, other] : world.instances)
        if (other.desired && other.desired->split && other.desired->split->to == instance.id)
          world.dirty.insert(id);
    instance.applied = route;
    instance.requested.reset();
    instance.route_failures = 0;
    instance.route_at = TimePoint();
  }
}

void on(World& world, const RouteFailed& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  instance.requested.reset();
  ++instance.route_failures;
  instance.route_at = now + std::min<Duration>(Seconds(10), std::chrono::milliseconds(250) *
                                                                instance.route_failures);
}

void on(World& world, const Drained& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find_replica(instance, fact.proof.key());
  if (replica == nullptr) return;
  if (replica->busy == Busy::draining) replica->busy = Busy::none;
  if (instance.acknowledged(fact.proof.key())) return;  // it serves again
  replica->proof = fact.proof;
}

}  // namespace gantry
