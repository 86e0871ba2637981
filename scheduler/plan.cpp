#include "scheduler/plan.hpp"

#include <algorithm>

#include "scheduler/mutation.hpp"
#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

// One planning of one instance: what it reads and what it has decided so far.
struct Draft {
  const World& world;
  const InstanceWorld& instance;
  const TimePoint now;
  Plan plan;

  void act(Action action) { plan.actions.push_back(std::move(action)); }
  void wake(TimePoint at) {
    if (!plan.wake_at || at < *plan.wake_at) plan.wake_at = at;
  }
  bool due(TimePoint at) {
    if (now >= at) return true;
    wake(at);
    return false;
  }
};

// Drain at the edge, then stop: in that order, each only once the one before is proved.
void stop_gently(Draft& draft, const ReplicaWorld& replica) {
  if (draft.instance.routed(replica.key)) return;  // the route comes first
  if (!draft.world.engine_up || !draft.due(replica.retry_at)) return;
  const Deployment* deployment = deployment_of(draft.instance, replica.key.deployment_id);
  const DeploySettings settings =
      deployment == nullptr ? DeploySettings() : deployment->settings.deploy;
  if (!replica.proof) {
    const bool hasty = mutated(Mutation::drain_without_time);
    const TimePoint requests = draft.now + Seconds(hasty ? 0 : settings.traffic.drain_seconds);
    const TimePoint streams =
        draft.now + Seconds(hasty ? 0 : settings.traffic.stream_drain_seconds);
    draft.act(Drain{draft.instance.id, replica.key, {requests, std::max(requests, streams)}});
    return;
  }
  Seconds grace(settings.draining_seconds);
  const bool given_up = deployment != nullptr && !is_live(deployment->status) && !replica.served &&
                        replica.container->port_mode != PortMode::none;
  if (given_up) grace = std::min(grace, draft.world.policy.cancelled_grace);
  draft.act(Stop{draft.instance.id, *replica.proof, grace});
}

void retire(Draft& draft, const Roles& roles, const ReplicaWorld& replica) {
  if (replica.busy != Busy::none) return;
  if (!is_running(replica)) {
    if (!replica.container || !draft.world.engine_up || !draft.due(replica.retry_at)) return;
    draft.act(Remove{draft.instance.id, replica.key});
    return;
  }
  const Deployment* own = deployment_of(draft.instance, replica.key.deployment_id);
  if (own != nullptr && own->status == DeploymentStatus::removing && roles.active != nullptr &&
      roles.active->id > own->id &&
      !draft.due(roles.active->updated_at + Seconds(roles.active->settings.deploy.overlap_seconds)))
    return;
  stop_gently(draft, replica);
}

// Time alone makes a replica ready on which nothing listens, and who is ready plays another part:
// of those that leave, too.
void settle(Draft& draft, const ReplicaWorld& replica) {
  if (!is_running(replica)) return;
  const Container& container = *replica.container;
  if (container.port_mode == PortMode::none)
    draft.due(container.started_at + draft.world.policy.worker_settle);
  if (container.port_mode == PortMode::automatic && !replica.ready)
    draft.due(container.started_at + draft.world.policy.port_settle);
}

void probe(Draft& draft, const Deployment& deployment, const ReplicaWorld& replica) {
  const Container& container = *replica.container;
  const DeploySettings& deploy = deployment.settings.deploy;
  const bool from_inside = !deploy.healthcheck_command.empty();
  if (!from_inside && (container.port_mode == PortMode::none || !container.address)) return;
  if (replica.probing || !draft.due(replica.next_probe_at)) return;
  Probe action{draft.instance.id, replica.key, container.container_id, {}};
  if (container.address) action.target.address = *container.address;
  action.target.path = deploy.healthcheck_path;
  if (from_inside) {
    action.target.command = deploy.healthcheck_command;
    action.target.container_id = container.container_id;
  }
  draft.act(std::move(action));
}

// Time alone ends the way back to the old colour.
void forget_kept(Draft& draft, const Roles& roles) {
  if (roles.kept == nullptr || roles.active == nullptr) return;
  if (const auto since = since_of(*roles.active))
    draft.due(*since + Seconds(roles.active->settings.deploy.rollout.keep_seconds));
}

// Runs, but has been no use for so long that it is to be started afresh: it was ready once and is
// not any more, or, in a deployment that serves, it never became ready within the health window.
bool is_sick(Draft& draft, const Deployment& deployment, const ReplicaWorld& replica) {
  if (deployment.settings.deploy.restart_policy == RestartPolicy::never) return false;
  if (replica.unready_since)
    return draft.due(*replica.unready_since + draft.world.policy.unhealthy_restart);
  const bool promised = deployment.status == DeploymentStatus::success ||
                        deployment.status == DeploymentStatus::crashed;
  const bool proves = replica.container->port_mode == PortMode::fixed ||
                      !deployment.settings.deploy.healthcheck_command.empty();
  if (!promised || replica.ready || !proves) return false;
  return draft.due(replica.container->started_at +
                   Seconds(deployment.settings.deploy.healthcheck_timeout_seconds));
}

// Some other container has, or is about to have, a volume that this one would mount: two writers
// at once would destroy the data.
bool volume_is_busy(const Draft& draft, const ReplicaKey& key) {
  if (mutated(Mutation::two_writers)) return false;
  const std::vector<Mount>& mounts = draft.instance.desired->mounts;
  const auto wants = [&](const VolumeId& id) {
    return std::any_of(mounts.begin(), mounts.end(),
                       [&](const Mount& mount) { return mount.volume_id == id; });
  };
  const auto has = [&](const ReplicaWorld& other) {
    return (is_running(other) || other.busy == Busy::starting) &&
           std::any_of(other.volumes.begin(), other.volumes.end(), wants);
  };
  for (const auto& [id, instance] : draft.world.instances)
    for (const auto& [other, replica] : instance.replicas)
      if (other != key && has(replica)) return true;
  return false;
}

void keep(Draft& draft, const Deployment& deployment, const ReplicaKey& key) {
  const auto found = draft.instance.replicas.find(key);
  const ReplicaWorld* replica = found == draft.instance.replicas.end() ? nullptr : &found->second;
  if (replica != nullptr && replica->busy != Busy::none) return;
  if (replica != nullptr && is_running(*replica)) {
    // Told to stop, in vain or unheard, and wanted again: it ends before the next one begins.
    if (replica->stop_asked || is_sick(draft, deployment, *replica))
      stop_gently(draft, *replica);
    else
      probe(draft, deployment, *replica);
    return;
  }
  // What only serves on until another does is not started again.
  if (!is_live(deployment.status) || key.ordinal >= deployment.settings.deploy.replicas) return;
  if (!draft.world.engine_up || !deployment.progress.done()) return;
  if (replica != nullptr &&
      (replica->gave_up || replica->completed || !draft.due(replica->retry_at)))
    return;
  if (replica != nullptr && replica->container && replica->stop_asked) {
    draft.act(
        Remove{draft.instance.id, key});  // it was sick: the next one begins with a clean disk
    return;
  }
  if (!draft.instance.desired->mounts.empty() && volume_is_busy(draft, key)) {
    draft.wake(draft.now + draft.world.policy.volume_look);
    return;
  }
  draft.act(Start{container_spec(*draft.instance.desired, deployment, key)});
}

void plan_route(Draft& draft, const Roles& roles) {
  if (draft.instance.requested) return;
  Route route = wanted_route(draft.world, draft.instance, roles);
  // After a failure nobody knows what the edge has.
  const bool known = draft.instance.route_failures == 0;
  if (known && same_route(route, draft.instance.applied)) return;
  if (!draft.due(draft.instance.route_at)) return;
  draft.act(SetRoute{std::move(route)});
}

void plan_records(Draft& draft, const std::set<ReplicaKey>& wanted) {
  for (const auto& [key, replica] : draft.instance.replicas) {
    if (replica.recording) continue;
    if (!replica.container && !replica.recorded && replica.busy == Busy::starting)
      continue;  // its outcome comes soon
    Replica now = describe_replica(draft.instance, replica, wanted.contains(key));
    if (replica.recorded) {
      const Replica& then = *replica.recorded;
      const bool same = now.status == then.status && now.ready == then.ready &&
                        now.restarts == then.restarts && now.container_id == then.container_id &&
                        now.reason == then.reason && now.exited_at == then.exited_at &&
                        now.address == then.address;
      if (same) continue;
    }
    if (draft.due(replica.record_at)) draft.act(RecordReplica{std::move(now)});
  }
}

void plan_statuses(Draft& draft, const Roles& roles) {
  for (const auto& deployment : draft.instance.desired->deployments)
    if (auto change = derive_status(draft.world, draft.instance, roles, *deployment, draft.now,
                                    draft.plan.wake_at))
      draft.act(RecordStatus{std::move(*change)});
}

}  // namespace

Plan plan(const World& world, const InstanceWorld& instance, TimePoint now) {
  Draft draft{world, instance, now, {}};
  if (!world.adopted) {  // all that can be said is why nothing happens
    if (instance.desired && !world.engine_up)
      plan_statuses(draft, cast_roles(world, instance, now));
    return std::move(draft.plan);
  }
  if (!instance.desired && mutated(Mutation::orphan_stays)) return std::move(draft.plan);
  if (!instance.desired && !instance.deleted &&
      !draft.due(instance.orphan_since.value_or(now) + world.policy.orphan_grace))
    return std::move(draft.plan);

  const Roles roles = cast_roles(world, instance, now);
  std::set<ReplicaKey> wanted;
  for (const Wanted& one : roles.wanted)
    for (const int ordinal : one.ordinals)
      wanted.insert({one.revision.deployment_id, one.revision.epoch, ordinal});

  for (const auto& [key, replica] : instance.replicas) settle(draft, replica);
  forget_kept(draft, roles);
  advance(world, instance, roles, now, draft.plan);
  plan_route(draft, roles);
  for (const ReplicaKey& key : wanted)
    if (const Deployment* deployment = deployment_of(instance, key.deployment_id))
      keep(draft, *deployment, key);
  for (const auto& [key, replica] : instance.replicas)
    if (!wanted.contains(key)) retire(draft, roles, replica);

  if (instance.desired) {
    plan_statuses(draft, roles);
    if (auto change = next_rollout(world, instance, roles, now, draft.plan.wake_at))
      draft.act(RecordRollout{std::move(*change)});
    if (auto change = derive_scale(world, instance, roles, now, draft.plan.wake_at))
      draft.act(RecordScale{std::move(*change)});
    plan_records(draft, wanted);
  }
  return std::move(draft.plan);
}

}  // namespace gantry
