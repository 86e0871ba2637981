// Revisions and their replicas: which epoch serves, which is ready.
#include <algorithm>
#include <map>

#include "scheduler/plan.hpp"

namespace gantry {
namespace {

// With one, time alone proves nothing.
bool has_health_command(const World& world, const ReplicaWorld& replica) {
  const auto instance = world.instances.find(replica.container->instance_id);
  if (instance == world.instances.end()) return false;
  const Deployment* deployment = deployment_of(instance->second, replica.key.deployment_id);
  return deployment != nullptr && !deployment->settings.deploy.healthcheck_command.empty();
}

}  // namespace

bool Roles::serves(const Revision& revision) const {
  return std::any_of(serving.begin(), serving.end(),
                     [&](const Serving& one) { return one.revision == revision; });
}

const Wanted* Roles::wants(const Revision& revision) const {
  const auto found = std::find_if(wanted.begin(), wanted.end(),
                                  [&](const Wanted& one) { return one.revision == revision; });
  return found == wanted.end() ? nullptr : &*found;
}

bool any_in_rotation(const InstanceWorld& instance, const Revision& revision) {
  return std::any_of(instance.replicas.begin(), instance.replicas.end(), [&](const auto& entry) {
    return revision.has(entry.first) && instance.in_rotation(entry.first);
  });
}

// The one that most of what the edge routes to is of, the newest of equals; else (a worker) the
// newest below the wanted one that runs, else the wanted one.
int serving_epoch(const InstanceWorld& instance, const Deployment& deployment) {
  const int wanted = instance.desired->epoch;
  std::map<int, int> routed;
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == deployment.id && instance.acknowledged(key)) ++routed[key.epoch];
  int epoch = -1;
  for (const auto& [one, count] : routed)
    if (epoch < 0 || count >= routed[epoch]) epoch = one;
  if (epoch >= 0) return epoch;
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == deployment.id && key.epoch < wanted && is_running(replica))
      epoch = std::max(epoch, key.epoch);
  return epoch >= 0 ? epoch : wanted;
}

// A restart that is asked for meanwhile comes when it has taken over.
int starting_epoch(const InstanceWorld& instance, const Deployment& deployment) {
  for (const auto& [key, replica] : instance.replicas)  // by epoch, ascending
    if (key.deployment_id == deployment.id && (replica.container || replica.busy != Busy::none))
      return key.epoch;
  return instance.desired->epoch;
}

bool is_ready(const World& world, const ReplicaWorld& replica, TimePoint now) {
  if (!replica.container) return false;
  const Container& container = *replica.container;
  if (replica.completed) return container.port_mode != PortMode::fixed;
  if (container.state != ContainerState::running) return false;
  if (replica.ready) return true;
  switch (container.port_mode) {
    case PortMode::fixed:
      return false;
    case PortMode::none:
      return !has_health_command(world, replica) &&
             now >= container.started_at + world.policy.worker_settle;
    case PortMode::automatic:
      return !replica.unready_since && now >= container.started_at + world.policy.port_settle;
  }
  return false;
}

bool all_ready(const World& world, const InstanceWorld& instance, const Revision& revision,
               int replicas, TimePoint now) {
  const Deployment* deployment = deployment_of(instance, revision.deployment_id);
  if (deployment == nullptr || !deployment->progress.done()) return false;
  for (int ordinal = 0; ordinal < replicas; ++ordinal) {
    const auto found = instance.replicas.find({revision.deployment_id, revision.epoch, ordinal});
    if (found == instance.replicas.end() || !is_ready(world, found->second, now)) return false;
  }
  return true;
}

bool all_ready(const World& world, const InstanceWorld& instance, const Revision& revision,
               TimePoint now) {
  return all_ready(world, instance, revision, replicas_of(instance, revision.deployment_id), now);
}

}  // namespace gantry
