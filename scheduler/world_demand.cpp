// Facts about requests and what containers use.
#include "scheduler/absorb.hpp"
#include "scheduler/demand.hpp"

namespace gantry {
void on(World& world, const TrafficMeasured& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  for (const ReplicaMeasure& one : fact.replicas)
    if (deployment_of(instance, one.key.deployment_id) != nullptr)
      instance.deployments[one.key.deployment_id].measured.add(one.measure);
}

void on(World& world, const LoadSeen& fact, TimePoint now) {
  const auto found = world.instances.find(fact.load.instance_id);
  if (found == world.instances.end()) return;
  note_load(found->second.demand, fact.load, now);
  const Deployment* active = success_of(found->second);
  if (active == nullptr) return;
  const DeploySettings& deploy = active->settings.deploy;
  if (deploy.scaling.max_replicas > 0) note_wish(found->second.demand, deploy, now);
  if (deploy.scaling.max_replicas > 0 || deploy.sleep.enabled) world.dirty.insert(found->first);
}

void on(World& world, const UsageSeen& fact, TimePoint) {
  const auto found = world.instances.find(fact.instance_id);
  if (found != world.instances.end()) note_usage(found->second.demand, fact.replicas);
}

void on(World& world, const WakeAsked& fact, TimePoint now) {
  const auto found = world.instances.find(fact.instance_id);
  if (found == world.instances.end()) return;
  found->second.demand.busy_at = now;
  if (!found->second.demand.wake_asked) world.dirty.insert(fact.instance_id);
  found->second.demand.wake_asked = true;
}

}  // namespace gantry
