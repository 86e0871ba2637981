// Facts about containers: what the engine tells and lists.
#include <algorithm>

#include "scheduler/absorb.hpp"
#include "scheduler/mutation.hpp"
#include "scheduler/restart.hpp"

namespace gantry {
namespace {

std::string exit_text(const ContainerExit& exit) {
  if (exit.out_of_memory) return "was killed for want of memory (its limit is memory_bytes)";
  return "exited with code " + std::to_string(exit.code);
}

// What ended without anybody's fault gets its whole window to come back.
void give_time(InstanceWorld& instance, const ReplicaKey& key, TimePoint now) {
  const auto known = instance.deployments.find(key.deployment_id);
  if (known != instance.deployments.end() && known->second.window_from)
    known->second.window_from = now;
}

// The policy's judgement of an exit nobody ordered.
void judge_exit(const World& world, InstanceWorld& instance, ReplicaWorld& replica,
                const ContainerExit& exit, bool witnessed, TimePoint now) {
  const Deployment* deployment = deployment_of(instance, replica.key.deployment_id);
  if (deployment == nullptr) return;
  const DeploySettings& deploy = deployment->settings.deploy;
  if (replica.ready_since && exit.at - *replica.ready_since >= world.policy.forget_restarts)
    replica.restarts = 0;
  replica.reason = exit_text(exit);
  if (!witnessed && deploy.restart_policy != RestartPolicy::never) {
    // Nobody saw it end: the engine or the machine went down under it. It is started again and not
    // counted.
    replica.retry_at = now;
    give_time(instance, replica.key, now);
    return;
  }
  replica.crashed_at = exit.at;
  switch (
      after_exit(deploy.restart_policy, exit.code, replica.restarts, deploy.restart_max_retries)) {
    case AfterExit::restart:
      ++replica.restarts;
      replica.retry_at = now + restart_delay(replica.restarts);
      break;
    case AfterExit::completed:
      replica.completed = true;
      break;
    case AfterExit::give_up:
      replica.gave_up = true;
      replica.reason +=
          deploy.restart_policy == RestartPolicy::never
              ? "; its restart policy is NEVER"
              : "; its " + std::to_string(deploy.restart_max_retries) + " restarts are used up";
      break;
  }
}

}  // namespace

ReplicaWorld& replica_of(InstanceWorld& instance, const ReplicaKey& key) {
  ReplicaWorld& replica = instance.replicas[key];
  replica.key = key;
  return replica;
}

ReplicaWorld* find_replica(InstanceWorld& instance, const ReplicaKey& key) {
  const auto found = instance.replicas.find(key);
  return found == instance.replicas.end() ? nullptr : &found->second;
}

void forget_health(ReplicaWorld& replica) {
  replica.open = replica.ready = replica.probing = false;
  replica.ready_since.reset();
  replica.unready_since.reset();
  replica.failures = replica.attempts = 0;
  replica.next_probe_at = TimePoint();
}

void see(World& world, InstanceWorld& instance, const Container& container, bool witnessed,
         TimePoint now) {
  ReplicaWorld& replica = replica_of(instance, container.key);
  const bool stale = replica.container && replica.container->state == ContainerState::running &&
                     container.exit && container.exit->at < replica.container->started_at &&
                     container.started_at != replica.container->started_at;
  if (stale) return;  // the exit before this run, told late
  if (!replica.container && replica.gone_id == container.container_id) return;  // told late, too
  const bool other = !replica.container ||
                     replica.container->container_id != container.container_id ||
                     replica.container->started_at != container.started_at;
  if (other) forget_health(replica);
  const bool adopting = other && !world.adopted;
  replica.container = container;
  replica.volumes = container.volumes;
  replica.changed_at = now;
  if (container.state == ContainerState::running && adopting && instance.routed(container.key)) {
    // It served before we looked, so it is taken as ready until a probe says otherwise.
    replica.open = replica.ready = true;
    replica.ready_since = now;
  }
  if (container.state != ContainerState::exited || !container.exit) return;
  if (replica.counted_exit == container.exit->at) return;
  replica.counted_exit = container.exit->at;
  const bool ours = replica.stop_asked;
  const std::optional<TimePoint> was_ready = replica.ready_since;
  forget_health(replica);
  if (!mutated(Mutation::proof_of_earlier_run)) replica.proof.reset();
  if (ours) {
    replica.retry_at = now;
    return;
  }
  if (replica.gave_up || replica.completed) return;
  replica.ready_since = was_ready;
  judge_exit(world, instance, replica, *container.exit, witnessed, now);
  replica.ready_since.reset();
}

// An engine that was killed ends what still runs when it is back, and tells it like any exit.
bool ended_by_engine(const World& world, const Container& container) {
  return container.exit && container.started_at < world.engine_back_at &&
         container.exit->at < world.engine_back_at + world.policy.engine_stop_margin;
}

void vanish(ReplicaWorld& replica, TimePoint now) {
  if (replica.container) replica.gone_id = replica.container->container_id;
  replica.container.reset();
  replica.changed_at = now;
  replica.stop_asked = false;
  replica.proof.reset();
  forget_health(replica);
  if (!replica.gave_up && !replica.completed) replica.retry_at = std::max(replica.retry_at, now);
}

void on(World& world, const Listed& fact, TimePoint now) {
  if (world.adopted && fact.asked_at > now) return;  // the clock was set back: another one comes
  std::set<ReplicaKey> seen;
  for (const Container& container : fact.containers) {
    seen.insert(container.key);
    InstanceWorld& instance = instance_of(world, container.instance_id, now);
    const ReplicaWorld* known = find_replica(instance, container.key);
    if (known != nullptr && (known->busy != Busy::none || known->changed_at >= fact.asked_at))
      continue;
    see(world, instance, container, false, now);
  }
  for (auto& [id, instance] : world.instances)
    for (auto at = instance.replicas.begin(); at != instance.replicas.end();) {
      ReplicaWorld& replica = at->second;
      const bool gone = !seen.contains(at->first) && replica.container &&
                        replica.busy == Busy::none && replica.changed_at < fact.asked_at;
      if (gone) {
        vanish(replica, now);
        give_time(instance, at->first, now);
        world.dirty.insert(id);
      }
      at = gone && !instance.desired ? instance.replicas.erase(at) : std::next(at);
    }
  if (!world.adopted) {
    world.adopted = true;
    world.adopted_at = now;
    for (const auto& [id, instance] : world.instances) world.dirty.insert(id);
  }
}

void on(World& world, const ContainerSeen& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.container.instance_id, now);
  ReplicaWorld* known = find_replica(instance, fact.container.key);
  if (known != nullptr && known->busy == Busy::starting) {
    known->seen_meanwhile = fact.container;  // which is newer shows when the start answers
    return;
  }
  // Of a container that is not known any more, or not yet, nobody has seen the end.
  const bool witnessed = known != nullptr && known->container;
  see(world, instance, fact.container, witnessed && !ended_by_engine(world, fact.container), now);
}

void on(World& world, const ContainerGone& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find_replica(instance, fact.key);
  if (replica == nullptr || replica->busy != Busy::none) return;
  const bool another = replica->container && replica->container->container_id != fact.container_id;
  if (another) return;  // one of the same name before, told late
  vanish(*replica, now);
  give_time(instance, fact.key, now);
  if (!instance.desired) instance.replicas.erase(fact.key);
}

}  // namespace gantry
