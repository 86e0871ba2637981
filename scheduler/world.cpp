// What is asked of the world, and the way in for facts (world_*.cpp).
#include "scheduler/world.hpp"

#include <algorithm>

#include "scheduler/absorb.hpp"

namespace gantry {
bool InstanceWorld::acknowledged(const ReplicaKey& key) const {
  return std::any_of(applied.backends.begin(), applied.backends.end(),
                     [&](const RouteBackend& b) { return b.key == key && !b.draining; });
}

bool InstanceWorld::in_rotation(const ReplicaKey& key) const {
  const auto takes = [&](const Route& route) {
    return std::any_of(route.backends.begin(), route.backends.end(), [&](const RouteBackend& b) {
      return b.key == key && !b.draining && b.weight > 0;
    });
  };
  return takes(applied) || (requested && takes(*requested));
}

bool InstanceWorld::routed(const ReplicaKey& key) const {
  const auto takes = [&](const Route& route) {
    return std::any_of(
        route.backends.begin(), route.backends.end(),
        [&](const RouteBackend& backend) { return backend.key == key && !backend.draining; });
  };
  return takes(applied) || (requested && takes(*requested));
}

bool InstanceWorld::at_edge(const ReplicaKey& key) const {
  const auto knows = [&](const Route& route) {
    return std::any_of(route.backends.begin(), route.backends.end(),
                       [&](const RouteBackend& backend) { return backend.key == key; });
  };
  return knows(applied) || (requested && knows(*requested));
}

const Deployment* deployment_of(const InstanceWorld& instance, const DeploymentId& id) {
  if (!instance.desired) return nullptr;
  for (const auto& deployment : instance.desired->deployments)
    if (deployment->id == id) return deployment.get();
  return nullptr;
}

const Deployment* success_of(const InstanceWorld& instance) {
  if (!instance.desired) return nullptr;
  for (const auto& deployment : instance.desired->deployments)
    if (deployment->status == DeploymentStatus::success) return deployment.get();
  return nullptr;
}

bool is_running(const ReplicaWorld& replica) {
  return replica.container && replica.container->state == ContainerState::running;
}

int replicas_of(const InstanceWorld& instance, const DeploymentId& id) {
  const Deployment* deployment = deployment_of(instance, id);
  return deployment == nullptr ? 0 : deployment->settings.deploy.replicas;
}

void absorb(World& world, const Fact& fact, TimePoint now) {
  follow_clock(world, now);
  std::visit([&](const auto& one) { on(world, one, now); }, fact);
}

}  // namespace gantry
