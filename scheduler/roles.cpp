// Who plays which part: candidate, active, whose replicas are wanted, who serves.
#include <algorithm>
#include <map>

#include "proto/transitions.hpp"
#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"
#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

bool is_of(const ReplicaKey& key, const Revision& revision) {
  return key.deployment_id == revision.deployment_id && key.epoch == revision.epoch;
}

bool any_exists(const InstanceWorld& instance, const Revision& revision) {
  return std::any_of(instance.replicas.begin(), instance.replicas.end(), [&](const auto& entry) {
    return is_of(entry.first, revision) &&
           (entry.second.container || entry.second.busy != Busy::none);
  });
}

std::set<int> first(int count) {
  std::set<int> ordinals;
  for (int ordinal = 0; ordinal < count; ++ordinal) ordinals.insert(ordinal);
  return ordinals;
}

// One casting of one instance's parts.
struct Casting {
  const World& world;
  const InstanceWorld& instance;
  const TimePoint now;
  Roles roles = {};

  void want(const Revision& revision, std::set<int> ordinals) {
    roles.wanted.push_back({revision, std::move(ordinals)});
  }
  // After a reduction: who serves goes only when those that stay are ready.
  void want_all(const Revision& revision) {
    const int replicas = replicas_of(instance, revision.deployment_id);
    std::set<int> ordinals = first(replicas);
    std::set<int> surplus;
    int missing = replicas;
    for (const auto& [key, replica] : instance.replicas) {
      if (!is_of(key, revision)) continue;
      const bool ready = is_ready(world, replica, now) && !replica.stop_asked;
      if (key.ordinal < replicas)
        missing -= ready || replica.gave_up || replica.completed ? 1 : 0;
      else if (replica.ready && ready && instance.in_rotation(key) && missing > 0 && --missing >= 0)
        surplus.insert(key.ordinal);
    }
    ordinals.merge(surplus);
    want(revision, std::move(ordinals));
  }
  void serve(const Revision& revision, int percent = 0) {
    roles.serving.push_back({revision, percent});
  }
  int count_ready(const Revision& revision) const {
    int count = 0;
    for (const auto& [key, replica] : instance.replicas)
      if (is_of(key, revision) && is_ready(world, replica, now) && !replica.stop_asked) ++count;
    return count;
  }
  // It is about to be taken back, and not only once that is recorded; but not to who has less.
  bool is_weak(const Revision& to, const Revision& from) const {
    const auto since = since_of(*roles.candidate);
    return since && !weakness(instance, *roles.candidate, *since).empty() &&
           count_ready(from) >= count_ready(to);
  }
  // The new one alone, once it is whole; who has taken over does not give it back for a moment's
  // weakness of one replica, unless there is a way back and it is still watched.
  bool has_switched(const Revision& to, const Revision* from) const {
    if (from != nullptr && is_weak(to, *from)) return false;
    return all_ready(world, instance, to, now) ||
           (any_in_rotation(instance, to) &&
            (from == nullptr || !any_in_rotation(instance, *from)));
  }

  // Replica by replica, both serve.
  void replace(const Revision& from, const Revision& to, const DeploySettings& deploy) {
    TakeOver over = take_over(world, instance, from, to, deploy, now);
    if (!over.from.empty()) serve(from);
    serve(to);
    want(to, std::move(over.to));
    want(from, std::move(over.from));
  }

  // All the traffic goes from one to the other.
  void hand_over(const Revision& from, const Revision& to, const DeploySettings& deploy) {
    if (!at_once(deploy)) return replace(from, to, deploy);
    want_all(to);
    if (mutated(Mutation::old_gone_before_new)) return serve(to);
    want_all(from);
    serve(has_switched(to, &from) ? to : from);
  }

  void stop_first(const Revision& from, const Revision& to) {
    // An old list may show the one before for a moment when the new one runs already.
    if (!any_exists(instance, from) || any_exists(instance, to)) want_all(to);
    serve(to);
  }

  void blue_green(const Revision& from, const Revision& to, bool promoted) {
    want_all(to);
    want_all(from);
    const bool switched = promoted && has_switched(to, &from);
    serve(switched ? to : from);
    roles.preview = switched ? from : to;
  }

  void canary(const Revision& from, const Revision& to, const Deployment& candidate) {
    const int step = step_of(candidate);
    if (step == last_step(candidate)) {
      want_all(to);
      want_all(from);
      if (has_switched(to, &from)) return serve(to);
    } else {
      want(to, first(replicas_in(candidate, step)));
      want_all(from);
    }
    const bool stands =
        step < last_step(candidate) &&
        (since_of(candidate) || all_ready(world, instance, to, replicas_in(candidate, step), now));
    const int present = stands ? step : step - 1;
    if (present < 0) return serve(from);
    const int percent = percent_in(candidate, present);
    serve(from, 100 - percent);
    serve(to, percent);
  }

  void cast_candidate() {
    const Deployment& candidate = *roles.candidate;
    const Revision to{candidate.id, starting_epoch(instance, candidate)};
    const bool beside =
        roles.active != nullptr && roles.active->status == DeploymentStatus::success;
    if (!beside) {
      if (roles.active != nullptr) {
        const Revision old{roles.active->id, serving_epoch(instance, *roles.active)};
        const bool asleep = roles.active->status == DeploymentStatus::sleeping;
        if (!asleep || instance.demand.wake_asked) want_all(old);
        if (!has_switched(to, nullptr)) serve(old);
      }
      if (candidate.progress.done()) want_all(to);
      if (has_switched(to, nullptr)) serve(to);
      return;
    }
    // No restart while a deployment is under way.
    const Revision from{roles.active->id, serving_epoch(instance, *roles.active)};
    const bool interrupts = candidate.settings.deploy.rollout.strategy == Strategy::recreate;
    if (!interrupts && !any_in_rotation(instance, to) && cast_return(from)) return;
    if (!candidate.progress.done()) {
      want_all(from);
      return serve(from);
    }
    roles.fallback = from;
    const DeploySettings& deploy = candidate.settings.deploy;
    switch (deploy.rollout.strategy) {
      case Strategy::rolling:
        return hand_over(from, to, deploy);
      case Strategy::recreate:
        // Not before it was said.
        if (candidate.reason != kStopsFirst && any_in_rotation(instance, from)) {
          want_all(from);
          return serve(from);
        }
        return stop_first(from, to);
      case Strategy::blue_green:
        return blue_green(from, to, step_of(candidate) == last_step(candidate));
      case Strategy::canary:
        return canary(from, to, candidate);
    }
  }

  // Every replica that can be ready is.
  bool is_whole(const Revision& revision) const {
    for (int ordinal = 0; ordinal < replicas_of(instance, revision.deployment_id); ++ordinal) {
      const auto found = instance.replicas.find({revision.deployment_id, revision.epoch, ordinal});
      if (found == instance.replicas.end()) return false;
      const ReplicaWorld& replica = found->second;
      if (replica.gave_up || replica.completed) continue;
      if (replica.stop_asked || !is_ready(world, replica, now)) return false;
    }
    return true;
  }

  // Who has the traffic and is to have it no more serves on until the version before it is whole
  // again: replica by replica, or, at once, when that one has none of the traffic.
  bool cast_return(const Revision& target) {
    if (roles.active->status != DeploymentStatus::success || is_whole(target)) return false;
    for (const auto& [key, replica] : instance.replicas) {
      const Deployment* known = deployment_of(instance, key.deployment_id);
      const Revision leaving{key.deployment_id, key.epoch};
      if ((known != nullptr && is_live(known->status)) || !instance.in_rotation(key)) continue;
      const DeploySettings& deploy =
          known == nullptr ? roles.active->settings.deploy : known->settings.deploy;
      const Strategy strategy = deploy.rollout.strategy;
      if (strategy == Strategy::recreate) continue;
      if (known == nullptr || (strategy == Strategy::rolling && !at_once(deploy))) {
        replace(leaving, target, deploy);
        return true;
      }
      if (any_in_rotation(instance, target)) continue;
      want_all(target);
      want_all(leaving);
      serve(leaving);
      return true;
    }
    return cast_reunion(target);
  }

  // A restart that a new version has overtaken: the epoch that has fewer of the requests goes back
  // to the other, replica by replica.
  bool cast_reunion(const Revision& target) {
    const int epoch = instance.desired->epoch;
    for (const auto& [key, replica] : instance.replicas) {
      const Revision other{key.deployment_id, key.epoch};
      if (roles.candidate == nullptr && (target.epoch == epoch || key.epoch == epoch)) continue;
      if (other.deployment_id != target.deployment_id || other == target ||
          !instance.in_rotation(key))
        continue;
      replace(other, target, roles.active->settings.deploy);
      return true;
    }
    return false;
  }

  // The newest earlier one of which something is left.
  std::optional<int> epoch_before(const Revision& target) const {
    std::optional<int> epoch;
    for (const auto& [key, replica] : instance.replicas)
      if (key.deployment_id == target.deployment_id && key.epoch < target.epoch &&
          (replica.container || replica.busy != Busy::none))
        epoch = std::max(epoch.value_or(key.epoch), key.epoch);
    return epoch;
  }

  void cast_active() {
    const Revision target{roles.active->id, instance.desired->epoch};
    const DeploySettings& deploy = roles.active->settings.deploy;
    const Revision present{roles.active->id, serving_epoch(instance, *roles.active)};
    if (roles.active->status == DeploymentStatus::sleeping && !instance.demand.wake_asked) return;
    if (cast_return(present)) return;
    if (!at_once(deploy) && deploy.rollout.strategy != Strategy::recreate) {
      const auto before =
          present == target ? epoch_before(target) : std::optional<int>(present.epoch);
      if (before) return replace({target.deployment_id, *before}, target, deploy);
      want_all(target);
      return serve(target);
    }
    if (present == target) {
      want_all(target);
      return serve(target);
    }
    if (deploy.rollout.strategy == Strategy::recreate) return stop_first(present, target);
    want_all(target);
    const bool switched =
        any_in_rotation(instance, target) || all_ready(world, instance, target, now);
    if (!switched) want_all(present);
    serve(switched ? target : present);
  }

  void cast_kept() {
    if (roles.kept == nullptr || roles.active == nullptr) return;
    if (roles.candidate != nullptr && roles.candidate->progress.done()) return;
    const auto since = since_of(*roles.active);
    const bool keeps = roles.active->settings.deploy.rollout.strategy == Strategy::blue_green &&
                       since &&
                       now < *since + Seconds(roles.active->settings.deploy.rollout.keep_seconds);
    if (!keeps || mutated(Mutation::kept_colour_stopped)) return;
    const Revision kept{roles.kept->id, serving_epoch(instance, *roles.kept)};
    want_all(kept);
    if (!roles.preview) roles.preview = kept;
  }
};

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
    return is_of(entry.first, revision) && instance.in_rotation(entry.first);
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

Roles cast_roles(const World& world, const InstanceWorld& instance, TimePoint now) {
  Casting casting{world, instance, now};
  Roles& roles = casting.roles;
  if (!instance.desired) return roles;
  for (const auto& deployment : instance.desired->deployments) {
    if (!is_live(deployment->status)) continue;
    if (is_pending(deployment->status)) {
      if (roles.candidate == nullptr) roles.candidate = deployment.get();
    } else if (roles.active == nullptr) {
      roles.active = deployment.get();
    } else if (roles.kept == nullptr) {
      roles.kept = deployment.get();
    }
  }
  if (roles.candidate != nullptr)
    casting.cast_candidate();
  else if (roles.active != nullptr)
    casting.cast_active();
  casting.cast_kept();
  return std::move(roles);
}

// Then time alone proves nothing.
static bool has_health_command(const World& world, const ReplicaWorld& replica) {
  const auto instance = world.instances.find(replica.container->instance_id);
  if (instance == world.instances.end()) return false;
  const Deployment* deployment = deployment_of(instance->second, replica.key.deployment_id);
  return deployment != nullptr && !deployment->settings.deploy.healthcheck_command.empty();
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
