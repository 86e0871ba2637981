// What the edge should have of an instance: hosts, who takes which share, what drains.
#include <algorithm>

#include "runtime/edge/weights.hpp"
#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"
#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

Revision revision_of(const ReplicaKey& key) { return {key.deployment_id, key.epoch}; }

bool takes(const InstanceWorld& instance, const Roles& roles, const ReplicaWorld& replica) {
  const Wanted* wanted = roles.wants(revision_of(replica.key));
  return wanted != nullptr && wanted->ordinals.contains(replica.key.ordinal) &&
         (replica.ready || mutated(Mutation::route_before_ready)) && replica.container->address &&
         !replica.stop_asked && instance.desired;
}

struct Turnout {
  int stable = 0, canary = 0;  // replicas that take traffic
};

Turnout turnout(const InstanceWorld& instance, const Roles& roles) {
  Turnout out;
  for (const auto& [key, replica] : instance.replicas) {
    if (!is_running(replica) || !takes(instance, roles, replica)) continue;
    if (roles.serving.front().revision == revision_of(key)) ++out.stable;
    if (roles.serving.back().revision == revision_of(key)) ++out.canary;
  }
  return out;
}

// A host that is to be another instance's stays here until that one has it, so that visitors find
// it somewhere all the time.
std::vector<std::string> hosts_of(const World& world, const InstanceWorld& instance) {
  std::vector<std::string> hosts;
  if (instance.desired) hosts = instance.desired->hosts;
  for (const std::string& host : instance.applied.hosts) {
    const auto owner = world.host_owners.find(host);
    const auto holder = world.host_holders.find(host);
    const bool leaves = owner != world.host_owners.end() && owner->second != instance.id &&
                        holder != world.host_holders.end() && holder->second == instance.id;
    if (leaves && !mutated(Mutation::host_released_early) &&
        std::find(hosts.begin(), hosts.end(), host) == hosts.end())
      hosts.push_back(host);
  }
  return hosts;
}

void add_preview(const InstanceWorld& instance, const Roles& roles, Route& route) {
  if (!roles.preview || !instance.desired || instance.desired->preview_host.empty() ||
      route.hosts.empty())
    return;
  Preview preview{instance.desired->preview_host, {}};
  for (const RouteBackend& backend : route.backends)
    if (!backend.draining && revision_of(backend.key) == *roles.preview)
      preview.keys.push_back(backend.key);
  route.previews.push_back(std::move(preview));
}

void add_split(const World& world, const InstanceWorld& instance, Route& route) {
  if (!instance.desired || !instance.desired->split) return;
  const auto to = world.instances.find(instance.desired->split->to);
  if (to == world.instances.end()) return;
  if (is_serving(to->second.applied))
    route.split = RouteSplit{instance.desired->split->to, instance.desired->split->percent};
}

// Of the version that has the traffic.
void add_policy(const InstanceWorld& instance, const Roles& roles, Route& route) {
  const Deployment* deployment =
      roles.serving.empty() ? roles.active
                            : deployment_of(instance, roles.serving.front().revision.deployment_id);
  if (deployment == nullptr) return;
  const DeploySettings& deploy = deployment->settings.deploy;
  route.policy = {.balance = deploy.traffic.balance,
                  .sticky = deploy.traffic.sticky,
                  .max_connections = deploy.traffic.max_connections,
                  .queue_seconds = deploy.traffic.queue_seconds};
  route.asleep = deploy.sleep.enabled && !route.hosts.empty();
}

}  // namespace

bool same_route(const Route& a, const Route& b) {
  Route other = b;
  other.instance_id = a.instance_id;  // nothing was ever applied
  return a == other;
}

Route wanted_route(const World& world, const InstanceWorld& instance, const Roles& roles) {
  Route route;
  route.instance_id = instance.id;
  route.hosts = hosts_of(world, instance);
  if (instance.desired) route.tcp_proxy = instance.desired->tcp_proxy;
  GroupWeights weights;
  const bool shared = roles.serving.size() == 2 && roles.serving.back().percent > 0;
  if (shared) {
    const Turnout count = turnout(instance, roles);
    weights = weights_for(count.stable, count.canary, roles.serving.back().percent);
    const Deployment* canary = deployment_of(instance, roles.serving.back().revision.deployment_id);
    route.measured = canary != nullptr && canary->settings.deploy.rollout.judge;
  }
  for (const auto& [key, replica] : instance.replicas) {
    if (!is_running(replica)) continue;
    const Revision revision = revision_of(key);
    const bool serves = roles.serves(revision), standby = roles.preview == revision && !serves;
    if ((serves || standby) && takes(instance, roles, replica)) {
      if (is_empty(route)) continue;  // its hosts and its port were taken away: at once
      RouteBackend backend{key, *replica.container->address};
      if (standby) backend.weight = 0;
      if (shared)
        backend.weight =
            roles.serving.back().revision == revision ? weights.canary : weights.stable;
      route.backends.push_back(std::move(backend));
      continue;
    }
    // What the edge still knows stays there, draining, until its container has stopped.
    for (const RouteBackend& backend : instance.applied.backends)
      if (backend.key == key) route.backends.push_back({key, backend.address, true});
  }
  add_preview(instance, roles, route);
  add_split(world, instance, route);
  add_policy(instance, roles, route);
  if (is_empty(route) && !route.backends.empty()) {
    route.hosts = instance.applied.hosts;
    route.tcp_proxy = instance.applied.tcp_proxy;
  }
  return route;
}

bool is_finished(const InstanceWorld& instance) {
  const bool works = std::any_of(instance.deployments.begin(), instance.deployments.end(),
                                 [](const auto& entry) { return entry.second.work != Work::none; });
  return instance.deleted && !works && instance.replicas.empty() && !instance.requested &&
         is_empty(instance.applied) && instance.applied.backends.empty();
}

}  // namespace gantry
