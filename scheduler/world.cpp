#include "scheduler/world.hpp"

#include <algorithm>
#include <utility>

#include "scheduler/absorb.hpp"
#include "scheduler/mutation.hpp"
#include "scheduler/restart.hpp"

namespace gantry {
namespace {

constexpr Duration kProbeFirst = std::chrono::milliseconds(10);
constexpr Duration kProbeSlowest = Seconds(1);

ReplicaWorld& replica_of(InstanceWorld& instance, const ReplicaKey& key) {
  ReplicaWorld& replica = instance.replicas[key];
  replica.key = key;
  return replica;
}

ReplicaWorld* find(InstanceWorld& instance, const ReplicaKey& key) {
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

Duration probe_delay(int attempts) {
  Duration delay = kProbeFirst;
  for (int i = 0; i < attempts && delay < kProbeSlowest; ++i) delay += delay / 2;
  return std::min(delay, kProbeSlowest);
}

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

void see(World& world, InstanceWorld& instance, const Container& container, bool witnessed,
         TimePoint now) {
  ReplicaWorld& replica = replica_of(instance, container.key);
  const bool stale = replica.container && replica.container->state == ContainerState::running &&
                     container.exit && container.exit->at < replica.container->started_at &&
                     container.started_at != replica.container->started_at;
  if (stale) return;  // the exit before this run, told late
  const bool other = !replica.container ||
                     replica.container->container_id != container.container_id ||
                     replica.container->started_at != container.started_at;
  if (other) forget_health(replica);
  const bool adopting = other && !world.adopted;
  replica.container = container;
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
  replica.container.reset();
  replica.changed_at = now;
  replica.stop_asked = false;
  replica.proof.reset();
  forget_health(replica);
  if (!replica.gave_up && !replica.completed) replica.retry_at = std::max(replica.retry_at, now);
}

// ---- one overload a fact ----

void on(World& world, const Listed& fact, TimePoint now) {
  std::set<ReplicaKey> seen;
  for (const Container& container : fact.containers) {
    seen.insert(container.key);
    InstanceWorld& instance = instance_of(world, container.instance_id, now);
    const ReplicaWorld* known = find(instance, container.key);
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
  ReplicaWorld* known = find(instance, fact.container.key);
  if (known != nullptr && known->busy == Busy::starting) {
    known->seen_meanwhile = fact.container;  // which is newer shows when the start answers
    return;
  }
  see(world, instance, fact.container, !ended_by_engine(world, fact.container), now);
}

void on(World& world, const ContainerGone& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find(instance, fact.key);
  if (replica == nullptr || replica->busy != Busy::none) return;
  const bool another = replica->container && replica->container->container_id != fact.container_id;
  if (another) return;  // one of the same name before, told late
  vanish(*replica, now);
  give_time(instance, fact.key, now);
  if (!instance.desired) instance.replicas.erase(fact.key);
}

void on(World& world, const TookOver&, TimePoint now) {
  world.adopted = false;
  world.adopted_at = now;
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

void probe_passed(ReplicaWorld& replica, TimePoint now) {
  replica.failures = 0;
  replica.open = true;
  if (!replica.ready) {
    replica.ready_since = now;
    replica.reason.clear();
  }
  replica.ready = true;
  replica.unready_since.reset();
}

void on(World& world, const ProbeFinished& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find(instance, fact.key);
  if (replica == nullptr || !replica->container ||
      replica->container->container_id != fact.container_id)
    return;
  replica->probing = false;
  if (replica->container->state != ContainerState::running) return;
  ++replica->attempts;
  replica->probe_detail = fact.outcome.detail;
  const Deployment* deployment = deployment_of(instance, fact.key.deployment_id);
  const Duration interval = Seconds(
      deployment == nullptr ? 10 : deployment->settings.deploy.healthcheck_interval_seconds);
  if (fact.outcome.ok) {
    probe_passed(*replica, now);
    replica->next_probe_at = now + interval;
    return;
  }
  ++replica->failures;
  if (replica->ready && replica->open) {
    if (replica->failures >= world.policy.unready_after) {
      replica->ready = replica->open = false;
      replica->unready_since = now;
      replica->ready_since.reset();
      replica->reason = "became unhealthy: " + fact.outcome.detail;
    }
    replica->next_probe_at = now + std::min<Duration>(interval, Seconds(1));
    return;
  }
  replica->next_probe_at =
      now + (replica->unready_since ? Duration(Seconds(1)) : probe_delay(replica->attempts));
}

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

void on(World& world, const RoutesApplied& fact, TimePoint now) {
  for (const Route& route : fact.routes) {
    InstanceWorld& instance = instance_of(world, route.instance_id, now);
    hold_hosts(world, instance, route);
    for (const RouteBackend& backend : route.backends) {
      ReplicaWorld* replica = find(instance, backend.key);
      if (replica == nullptr) continue;
      replica->served = true;
      if (backend.draining) continue;
      if (mutated(Mutation::proof_of_earlier_run)) continue;
      replica->proof.reset();  // of a drain before: it has new sessions
      if (replica->busy == Busy::draining) replica->busy = Busy::none;
    }
    const bool turned = instance.applied.backends.empty() != route.backends.empty();
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
  ReplicaWorld* replica = find(instance, fact.proof.key());
  if (replica == nullptr) return;
  if (replica->busy == Busy::draining) replica->busy = Busy::none;
  if (instance.acknowledged(fact.proof.key())) return;  // it serves again
  replica->proof = fact.proof;
}

// An exit of the run that has just been started may have been told before the start itself
// answered.
void see_meanwhile(World& world, InstanceWorld& instance, ReplicaWorld& replica, TimePoint now) {
  const std::optional<Container> seen = std::exchange(replica.seen_meanwhile, std::nullopt);
  if (!seen || !seen->exit || !replica.container ||
      seen->container_id != replica.container->container_id)
    return;
  if (seen->exit->at < replica.container->started_at &&
      seen->started_at != replica.container->started_at)
    return;
  see(world, instance, *seen, !ended_by_engine(world, *seen), now);
}

void on(World& world, const DeedDone& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find(instance, fact.key);
  if (replica == nullptr) return;
  replica->busy = Busy::none;
  switch (fact.deed) {
    case Deed::start:
      replica->stop_asked = false;
      replica->start_failures = 0;
      replica->refused = false;
      if (fact.container) see(world, instance, *fact.container, true, now);
      see_meanwhile(world, instance, *replica, now);
      break;
    case Deed::stop:
      if (replica->container && replica->container->state != ContainerState::exited) {
        replica->container->state =
            ContainerState::exited;  // the engine says so; details follow with its event
        replica->container->address.reset();
        replica->proof.reset();
        forget_health(*replica);
        replica->retry_at = now;
      }
      replica->changed_at = now;
      break;
    case Deed::remove:
      if (replica->stop_asked) {
        ++replica->restarts;
        replica->retry_at = now + restart_delay(replica->restarts);
      }
      vanish(*replica, now);
      if (!instance.desired) instance.replicas.erase(fact.key);
      break;
  }
}

void on(World& world, const DeedFailed& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find(instance, fact.key);
  if (replica == nullptr) return;
  replica->busy = Busy::none;
  ++replica->start_failures;
  replica->retry_at = now + std::max<Duration>(restart_delay(replica->start_failures + 1),
                                               std::chrono::milliseconds(500));
  if (fact.deed != Deed::start) return;
  replica->reason = "could not start: " + fact.error.detail;
  replica->refused = for_ever(fact.error);
}

void on(World& world, const ReplicaRecorded& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.replica.instance_id, now);
  ReplicaWorld* replica = find(instance, fact.replica.key);
  if (replica == nullptr) return;
  replica->recording = false;
  if (fact.ok) {
    replica->recorded = fact.replica;
    if (fact.replica.status == ReplicaStatus::removed && !replica->container &&
        replica->busy == Busy::none)
      instance.replicas.erase(fact.replica.key);
  } else {
    replica->record_at = now + kRecordAgain;
  }
}

void on(World& world, const ReplicaRemembered& fact, TimePoint now) {
  ReplicaWorld& replica =
      replica_of(instance_of(world, fact.replica.instance_id, now), fact.replica.key);
  replica.restarts = fact.replica.restarts;
  replica.gave_up = fact.replica.status == ReplicaStatus::crashed;
  replica.completed = fact.replica.status == ReplicaStatus::exited && fact.replica.exit_code == 0;
  replica.reason = fact.replica.reason;
  replica.recorded = fact.replica;
  if (fact.replica.exited_at) replica.counted_exit = fact.replica.exited_at;
}

}  // namespace

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
  std::visit([&](const auto& one) { on(world, one, now); }, fact);
}

}  // namespace gantry
