// Facts about health: what probes found.
#include <algorithm>

#include "scheduler/absorb.hpp"

namespace gantry {
namespace {

constexpr Duration kProbeFirst = std::chrono::milliseconds(10);
constexpr Duration kProbeSlowest = Seconds(1);

Duration probe_delay(int attempts) {
  Duration delay = kProbeFirst;
  for (int i = 0; i < attempts && delay < kProbeSlowest; ++i) delay += delay / 2;
  return std::min(delay, kProbeSlowest);
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

}  // namespace

void on(World& world, const ProbeFinished& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  ReplicaWorld* replica = find_replica(instance, fact.key);
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

}  // namespace gantry
