// Facts about deeds on replicas: done, failed, recorded.
#include <algorithm>
#include <utility>

#include "scheduler/absorb.hpp"
#include "scheduler/restart.hpp"

namespace gantry {
namespace {

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

}  // namespace

void on(World& world, const DeedDone& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find_replica(instance, fact.key);
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
  ReplicaWorld* replica = find_replica(instance, fact.key);
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
  ReplicaWorld* replica = find_replica(instance, fact.replica.key);
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
  // One that never ran was refused, and is tried again.
  replica.gave_up = fact.replica.status == ReplicaStatus::crashed && fact.replica.exited_at;
  replica.completed = fact.replica.status == ReplicaStatus::exited && fact.replica.exit_code == 0;
  replica.reason = fact.replica.reason;
  replica.recorded = fact.replica;
  if (fact.replica.exited_at) replica.counted_exit = fact.replica.exited_at;
  switch (fact.replica.status) {
    case ReplicaStatus::running:  // the exit before, which the policy has counted
    case ReplicaStatus::crashed:
    case ReplicaStatus::exited:
      replica.crashed_at = fact.replica.exited_at;
      break;
    case ReplicaStatus::created:
    case ReplicaStatus::restarting:  // maybe by order
    case ReplicaStatus::stopped:
    case ReplicaStatus::removing:
    case ReplicaStatus::removed:
      break;
  }
}

}  // namespace gantry
