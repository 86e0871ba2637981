// Facts about the engine as a whole, and about who acts on it.
#include "scheduler/absorb.hpp"

namespace gantry {

namespace {

// What the policy made of its exits, and what is recorded of it.
void forget_past(ReplicaWorld& replica) {
  replica.restarts = replica.start_failures = 0;
  replica.retry_at = TimePoint();
  replica.gave_up = replica.completed = replica.refused = false;
  replica.counted_exit.reset();
  replica.crashed_at.reset();
  replica.recorded.reset();
}

}  // namespace

void on(World& world, const TookOver& fact, TimePoint now) {
  world.adopted = false;
  world.adopted_at = now;
  for (auto& [id, instance] : world.instances)
    for (auto& [key, replica] : instance.replicas) forget_past(replica);
  for (const Replica& replica : fact.replicas) on(world, ReplicaRemembered{replica}, now);
  for (auto& [id, instance] : world.instances) {
    world.dirty.insert(id);
    for (auto& [deployment, known] : instance.deployments) known.window_from.reset();
    for (auto& [key, replica] : instance.replicas) {
      replica.next_probe_at = TimePoint();
      const bool runs = replica.container && replica.container->state == ContainerState::running;
      if (!runs || replica.ready || !instance.routed(key)) continue;
      forget_health(replica);  // as at adoption: ready until a probe says otherwise
      replica.open = replica.ready = true;
      replica.ready_since = now;
    }
  }
}

void on(World& world, const EngineLost&, TimePoint now) {
  world.engine_up = false;
  for (auto& [id, instance] : world.instances) {
    world.dirty.insert(id);
    for (auto& [key, replica] : instance.replicas) {
      if (!replica.container || !replica.container->exit || replica.stop_asked) continue;
      if (replica.container->exit->at < now - world.policy.engine_stop_margin) continue;
      const Deployment* deployment = deployment_of(instance, key.deployment_id);
      if (deployment == nullptr ||
          deployment->settings.deploy.restart_policy == RestartPolicy::never)
        continue;
      // The engine stopped it on its own way down.
      if (!replica.completed && replica.restarts > 0) --replica.restarts;
      replica.completed = replica.gave_up = false;
      replica.crashed_at.reset();
      replica.retry_at = now;
    }
  }
}

void on(World& world, const EngineBack&, TimePoint now) {
  if (!world.engine_up) world.engine_back_at = now;
  world.engine_up = true;
  for (auto& [id, instance] : world.instances) {
    for (auto& [key, replica] : instance.replicas) replica.start_failures = 0;
    world.dirty.insert(id);
  }
}

}  // namespace gantry
