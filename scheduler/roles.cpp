// Who plays which part: candidate, active, whose replicas are wanted, who serves. And the route
// that follows.
#include <algorithm>

#include "scheduler/plan.hpp"

namespace gantry {
namespace {

bool is_candidate(DeploymentStatus status) {
  return status == DeploymentStatus::queued || status == DeploymentStatus::initializing ||
         status == DeploymentStatus::building || status == DeploymentStatus::deploying;
}

bool is_running(const ReplicaWorld& replica) {
  return replica.container && replica.container->state == ContainerState::running;
}

bool any_routed(const InstanceWorld& instance, const Revision& revision) {
  return std::any_of(instance.replicas.begin(), instance.replicas.end(), [&](const auto& entry) {
    return entry.first.deployment_id == revision.deployment_id &&
           entry.first.epoch == revision.epoch && instance.routed(entry.first);
  });
}

// The epoch of a deployment that serves now: the newest that the edge routes to, else (a worker)
// the newest below the wanted one that runs, else the wanted one.
int serving_epoch(const InstanceWorld& instance, const Deployment& deployment) {
  const int wanted = instance.desired->epoch;
  int epoch = -1;
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == deployment.id && instance.routed(key))
      epoch = std::max(epoch, key.epoch);
  if (epoch >= 0) return epoch;
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == deployment.id && key.epoch < wanted && is_running(replica))
      epoch = std::max(epoch, key.epoch);
  return epoch >= 0 ? epoch : wanted;
}

void cast_active(const World& world, const InstanceWorld& instance, TimePoint now, Roles& roles) {
  const Revision target{roles.active->id, instance.desired->epoch};
  const Revision present{roles.active->id, serving_epoch(instance, *roles.active)};
  if (roles.candidate != nullptr) {
    roles.wanted.push_back(present);  // no restart while a deployment is under way
    if (!roles.serving) roles.serving = present;
    return;
  }
  roles.wanted.push_back(target);
  const bool switched =
      present == target || any_routed(instance, target) || all_ready(world, instance, target, now);
  if (!switched) roles.wanted.push_back(present);
  roles.serving = switched ? target : present;
}

}  // namespace

Roles cast_roles(const World& world, const InstanceWorld& instance, TimePoint now) {
  Roles roles;
  if (!instance.desired) return roles;
  for (const auto& deployment : instance.desired->deployments) {
    if (!is_live(deployment->status)) continue;
    if (!is_candidate(deployment->status)) {
      roles.active = deployment.get();
      break;
    }
    if (roles.candidate == nullptr) roles.candidate = deployment.get();
  }
  if (roles.candidate != nullptr) {
    const Revision revision{roles.candidate->id, instance.desired->epoch};
    roles.wanted.push_back(revision);
    if (any_routed(instance, revision) || all_ready(world, instance, revision, now))
      roles.serving = revision;
  }
  if (roles.active != nullptr) cast_active(world, instance, now, roles);
  return roles;
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
      return now >= container.started_at + world.policy.worker_settle;
    case PortMode::automatic:
      return !replica.unready_since && now >= container.started_at + world.policy.port_settle;
  }
  return false;
}

bool all_ready(const World& world, const InstanceWorld& instance, const Revision& revision,
               TimePoint now) {
  const Deployment* deployment = deployment_of(instance, revision.deployment_id);
  if (deployment == nullptr || !deployment->progress.done()) return false;
  for (int ordinal = 0; ordinal < deployment->settings.deploy.replicas; ++ordinal) {
    const auto found = instance.replicas.find({revision.deployment_id, revision.epoch, ordinal});
    if (found == instance.replicas.end() || !is_ready(world, found->second, now)) return false;
  }
  return true;
}

Route wanted_route(const InstanceWorld& instance, const Roles& roles) {
  Route route;
  route.instance_id = instance.id;
  if (instance.desired) route.hosts = instance.desired->hosts;

  for (const auto& [key, replica] : instance.replicas) {
    if (!is_running(replica)) continue;
    const bool serves = roles.serving && instance.desired &&
                        key.deployment_id == roles.serving->deployment_id &&
                        key.epoch == roles.serving->epoch &&
                        key.ordinal < replicas_of(instance, key.deployment_id) && replica.ready &&
                        replica.container->address && !replica.stop_asked;
    if (serves && !route.hosts.empty()) {
      route.backends.push_back({key, *replica.container->address, false});
      continue;
    }
    // What the edge still knows stays there, draining, until its container has stopped.
    for (const RouteBackend& backend : instance.applied.backends)
      if (backend.key == key) route.backends.push_back({key, backend.address, true});
  }
  if (route.hosts.empty() && !route.backends.empty()) route.hosts = instance.applied.hosts;
  return route;
}

bool is_finished(const InstanceWorld& instance) {
  const bool works = std::any_of(instance.deployments.begin(), instance.deployments.end(),
                                 [](const auto& entry) { return entry.second.work != Work::none; });
  return instance.deleted && !works && instance.replicas.empty() && !instance.requested &&
         instance.applied.hosts.empty() && instance.applied.backends.empty();
}

}  // namespace gantry
