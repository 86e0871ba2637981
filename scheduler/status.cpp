// Statuses follow from facts; nobody who gives an order sets one.
#include <algorithm>

#include <fmt/format.h>

#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"
#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

constexpr int kFailuresToTell =
    12;  // some seconds of a start; told as the replica's reason from then on

using Change = std::optional<std::pair<DeploymentStatus, std::string>>;

constexpr const char* kEngineAway = "waits for the container engine, which does not answer";

void earliest(std::optional<TimePoint>& wake_at, TimePoint at) {
  if (!wake_at || at < *wake_at) wake_at = at;
}

bool lives(const ReplicaWorld& replica) {
  return replica.container.has_value() || replica.busy != Busy::none;
}

const ReplicaWorld* replica_at(const InstanceWorld& instance, const Deployment& deployment,
                               int epoch, int ordinal) {
  const auto found = instance.replicas.find({deployment.id, epoch, ordinal});
  return found == instance.replicas.end() ? nullptr : &found->second;
}

// Why a candidate can no longer succeed; empty while it can.
std::string verdict(const InstanceWorld& instance, const Roles& roles) {
  const Deployment& candidate = *roles.candidate;
  for (int ordinal = 0; ordinal < replicas_now(roles); ++ordinal) {
    const ReplicaWorld* replica =
        replica_at(instance, candidate, starting_epoch(instance, candidate), ordinal);
    if (replica == nullptr) continue;
    if (replica->refused || replica->gave_up)
      return fmt::format("replica {} {}", ordinal, replica->reason);
    if (replica->completed && replica->container &&
        replica->container->port_mode == PortMode::fixed)
      return fmt::format("replica {} exited with code 0 before it was healthy", ordinal);
  }
  return "";
}

std::string why_unready(const World& world, const InstanceWorld& instance, const Roles& roles,
                        TimePoint now) {
  const Deployment& candidate = *roles.candidate;
  const int replicas = replicas_now(roles);
  int unready = 0;
  std::string first;
  for (int ordinal = 0; ordinal < replicas; ++ordinal) {
    const ReplicaWorld* replica =
        replica_at(instance, candidate, starting_epoch(instance, candidate), ordinal);
    if (replica != nullptr && is_ready(world, *replica, now)) continue;
    ++unready;
    if (!first.empty()) continue;
    first = "it was never started";
    if (replica != nullptr) {
      const bool runs = replica->container && replica->container->state == ContainerState::running;
      first = runs ? replica->probe_detail : replica->reason;
      if (runs && replica->container->address)
        first += " (" + replica->container->address->str() + ")";
    }
  }
  if (unready == 0) return "the edge did not acknowledge its routes";
  return fmt::format("{}/{} replicas never became healthy: {}", unready, replicas, first);
}

bool edge_has(const World& world, const InstanceWorld& instance, const Revision& revision,
              TimePoint now) {
  if (instance.desired->hosts.empty() && !instance.desired->tcp_proxy) return true;
  if (instance.applied.hosts != instance.desired->hosts ||
      instance.applied.tcp_proxy != instance.desired->tcp_proxy)
    return false;
  for (int ordinal = 0; ordinal < replicas_of(instance, revision.deployment_id); ++ordinal) {
    const auto found = instance.replicas.find({revision.deployment_id, revision.epoch, ordinal});
    if (found == instance.replicas.end() || !is_ready(world, found->second, now)) return false;
    if (!found->second.ready) continue;  // it needs no route: nothing listens
    const bool applied = std::any_of(instance.applied.backends.begin(),
                                     instance.applied.backends.end(), [&](const RouteBackend& b) {
                                       return b.key == found->first && !b.draining && b.weight > 0;
                                     });
    if (!applied) return false;
  }
  return true;
}

// Why a candidate does not get on, while it still may; empty when nothing is wrong.
std::string trouble(const World& world, const InstanceWorld& instance,
                    const Deployment& candidate) {
  if (!world.engine_up) return kEngineAway;
  for (int ordinal = 0; ordinal < candidate.settings.deploy.replicas; ++ordinal) {
    const ReplicaWorld* replica =
        replica_at(instance, candidate, starting_epoch(instance, candidate), ordinal);
    if (replica != nullptr && replica->start_failures > 0)
      return fmt::format("replica {} {}; it is tried again", ordinal, replica->reason);
  }
  return "";
}

// The whole window; longer when a replica without a known port has to settle first.
Duration window_of(const World& world, const InstanceWorld& instance, const Deployment& candidate) {
  Duration window = Seconds(candidate.settings.deploy.healthcheck_timeout_seconds);
  for (const auto& [key, replica] : instance.replicas) {
    if (key.deployment_id != candidate.id || !replica.container) continue;
    if (replica.container->port_mode == PortMode::automatic)
      window = std::max<Duration>(window, world.policy.port_settle + Seconds(2));
    if (replica.container->port_mode == PortMode::none)
      window = std::max<Duration>(window, world.policy.worker_settle + Seconds(2));
  }
  return window;
}

// All the traffic is its own, and the edge says so.
bool has_taken_over(const World& world, const InstanceWorld& instance, const Roles& roles,
                    TimePoint now) {
  const Deployment& candidate = *roles.candidate;
  const Revision revision{candidate.id, starting_epoch(instance, candidate)};
  const bool last = !roles.fallback || step_of(candidate) == last_step(candidate);
  return last && roles.serving.size() == 1 && roles.serves(revision) &&
         all_ready(world, instance, revision, now) && edge_has(world, instance, revision, now);
}

Change of_candidate(const World& world, const InstanceWorld& instance, const Roles& roles,
                    TimePoint now, std::optional<TimePoint>& wake_at) {
  const Deployment& candidate = *roles.candidate;
  if (const std::string why = setback(world, instance, roles, now, wake_at); !why.empty())
    return {{DeploymentStatus::failed, why + "; the version before it serves on"}};
  if (has_taken_over(world, instance, roles, now) && observed(roles, now, wake_at))
    return {{DeploymentStatus::success, ""}};
  if (const std::string why = verdict(instance, roles); !why.empty())
    return {{DeploymentStatus::failed, why}};

  const auto known = instance.deployments.find(candidate.id);
  const bool began = known != instance.deployments.end() && known->second.window_from;
  const Revision revision{candidate.id, starting_epoch(instance, candidate)};
  const bool starting = !since_of(candidate) || !roles.fallback ||
                        !all_ready(world, instance, revision, replicas_now(roles), now);
  if (starting && (candidate.status == DeploymentStatus::deploying || began) &&
      !step_stands(world, instance, roles, now)) {
    const TimePoint from = began ? *known->second.window_from : world.adopted_at;
    const TimePoint deadline = from + window_of(world, instance, candidate);
    if (now >= deadline && !mutated(Mutation::window_without_end)) {
      const auto seconds = candidate.settings.deploy.healthcheck_timeout_seconds;
      return {{DeploymentStatus::failed,
               fmt::format("{} within {} s", why_unready(world, instance, roles, now), seconds)}};
    }
    earliest(wake_at, deadline);
  }
  std::string now_wrong = trouble(world, instance, candidate);
  if (now_wrong.empty()) now_wrong = describe_step(instance, roles);
  if (candidate.status != DeploymentStatus::deploying || candidate.reason != now_wrong)
    return {{DeploymentStatus::deploying, now_wrong}};
  return std::nullopt;
}

// A candidate cannot begin without the engine; its reason says so for as long.
Change of_waiting(const World& world, const Deployment& candidate) {
  if (!world.engine_up && candidate.reason != kEngineAway) return {{candidate.status, kEngineAway}};
  if (world.engine_up && candidate.reason == kEngineAway) return {{candidate.status, ""}};
  return std::nullopt;
}

Change of_active(const World& world, const InstanceWorld& instance, const Roles& roles,
                 const Deployment& active, TimePoint now, std::optional<TimePoint>& wake_at) {
  if (active.status == DeploymentStatus::sleeping) {
    if (!instance.demand.wake_asked) return std::nullopt;
    return {{DeploymentStatus::success, "woken by a request"}};
  }
  if (active.status == DeploymentStatus::success && is_idle(instance, roles, now, wake_at))
    return {{DeploymentStatus::sleeping,
             fmt::format("no request for {} s", active.settings.deploy.sleep.idle_seconds)}};
  bool any_ready = false;
  const int replicas = active.settings.deploy.replicas;
  bool wanted_at_all = false, given_up = true;
  std::string reason;
  for (const Wanted& wanted : roles.wanted) {
    const Revision& revision = wanted.revision;
    if (revision.deployment_id != active.id) continue;
    wanted_at_all = replicas > 0;
    for (int ordinal = 0; ordinal < replicas; ++ordinal) {
      const ReplicaWorld* replica = replica_at(instance, active, revision.epoch, ordinal);
      const bool ready = replica != nullptr && is_ready(world, *replica, now);
      any_ready = any_ready || ready;
      if (replica == nullptr || !replica->gave_up || ready) given_up = false;
      if (replica == nullptr) continue;
      if (reason.empty() && replica->gave_up)
        reason = fmt::format("replica {} {}", ordinal, replica->reason);
    }
  }
  // Who makes room for the next one has not crashed.
  if (active.status != DeploymentStatus::crashed && wanted_at_all && given_up)
    return {{DeploymentStatus::crashed, reason}};
  if (active.status == DeploymentStatus::crashed && any_ready)
    return {{DeploymentStatus::success, ""}};
  return std::nullopt;
}

// The old colour runs for as long as there is a way back to it.
Change of_kept(const InstanceWorld& instance, const Roles& roles, const Deployment& kept) {
  const Revision revision{kept.id, serving_epoch(instance, kept)};
  if (roles.wants(revision) == nullptr)
    return {{DeploymentStatus::removing, "superseded by " + roles.active->id.str()}};
  return std::nullopt;
}

Change of_removing(const InstanceWorld& instance, const Deployment& deployment) {
  for (const auto& [key, replica] : instance.replicas)
    if (key.deployment_id == deployment.id && lives(replica)) return std::nullopt;
  if (const auto known = instance.deployments.find(deployment.id);
      known != instance.deployments.end() && known->second.work != Work::none)
    return std::nullopt;
  return {{DeploymentStatus::removed, deployment.reason}};
}

}  // namespace

std::optional<StatusChange> derive_status(const World& world, const InstanceWorld& instance,
                                          const Roles& roles, const Deployment& deployment,
                                          TimePoint now, std::optional<TimePoint>& wake_at) {
  if (const auto known = instance.deployments.find(deployment.id);
      known != instance.deployments.end()) {
    if (known->second.recording) return std::nullopt;
    if (now < known->second.record_at) {
      earliest(wake_at, known->second.record_at);
      return std::nullopt;
    }
  }
  Change change;
  const bool waits = &deployment == roles.candidate;
  if (waits && world.adopted && !deployment.progress.done())
    return derive_progress(world, instance, deployment);
  if (waits && world.adopted) change = of_candidate(world, instance, roles, now, wake_at);
  if (waits && !change) change = of_waiting(world, deployment);
  if (waits || !world.adopted) {
    // nothing else is known of it
  } else if (&deployment == roles.active) {
    change = of_active(world, instance, roles, deployment, now, wake_at);
  } else if (&deployment == roles.kept) {
    change = of_kept(instance, roles, deployment);
  } else if (deployment.status == DeploymentStatus::removing) {
    change = of_removing(instance, deployment);
  }
  if (!change) return std::nullopt;
  StatusChange out{deployment.id, instance.id, change->first, change->second};
  if (waits && change->first == DeploymentStatus::success && roles.fallback &&
      deployment.settings.deploy.rollout.strategy == Strategy::blue_green)
    out.keeps = roles.fallback->deployment_id;
  return out;
}

Replica describe_replica(const InstanceWorld& instance, const ReplicaWorld& replica, bool wanted) {
  Replica out;
  out.key = replica.key;
  out.instance_id = instance.id;
  out.reason = replica.reason;
  out.ready = replica.ready;
  out.restarts = replica.restarts;
  const bool runs = replica.container && replica.container->state == ContainerState::running;
  if (runs) out.exited_at = replica.crashed_at;
  if (replica.container) {
    out.container_id = replica.container->container_id;
    out.node = replica.container->node;
    if (runs && replica.container->address) out.address = replica.container->address->str();
    if (replica.container->started_at != TimePoint())
      out.started_at = replica.container->started_at;
    if (replica.container->exit) {
      out.exit_code = replica.container->exit->code;
      out.exited_at = replica.container->exit->at;
    }
  }
  if (runs && !replica.ready && replica.failures >= kFailuresToTell &&
      !replica.probe_detail.empty())
    out.reason = "is not healthy: " + replica.probe_detail;
  if (!wanted)
    out.status = lives(replica) ? ReplicaStatus::removing : ReplicaStatus::removed;
  else if (replica.gave_up || replica.refused)
    out.status = ReplicaStatus::crashed;
  else if (replica.completed)
    out.status = ReplicaStatus::exited;
  else if (runs)
    out.status = ReplicaStatus::running;
  else
    out.status = replica.restarts > 0 || replica.container ? ReplicaStatus::restarting
                                                           : ReplicaStatus::created;
  return out;
}

}  // namespace gantry
