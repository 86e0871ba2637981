// Who plays which part: candidate, active, whose replicas are wanted, who serves.
#include <algorithm>
#include <utility>

#include "proto/transitions.hpp"
#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"
#include "scheduler/rollout.hpp"

namespace gantry {
namespace {

bool any_exists(const InstanceWorld& instance, const Revision& revision) {
  return std::any_of(instance.replicas.begin(), instance.replicas.end(), [&](const auto& entry) {
    return revision.has(entry.first) && (entry.second.container || entry.second.busy != Busy::none);
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
  std::set<int> surplus_of(const Revision& revision) const {
    const int replicas = replicas_of(instance, revision.deployment_id);
    std::set<int> surplus;
    int missing = replicas;
    for (const auto& [key, replica] : instance.replicas) {
      if (!revision.has(key)) continue;
      const bool ready = is_ready(world, replica, now) && !replica.stop_asked;
      if (key.ordinal < replicas)
        missing -= ready || replica.gave_up || replica.completed ? 1 : 0;
      else if (replica.ready && ready && instance.in_rotation(key) && missing > 0 && --missing >= 0)
        surplus.insert(key.ordinal);
    }
    return surplus;
  }
  void want_all(const Revision& revision) {
    std::set<int> ordinals = first(replicas_of(instance, revision.deployment_id));
    ordinals.merge(surplus_of(revision));
    want(revision, std::move(ordinals));
  }
  void serve(const Revision& revision, int percent = 0) {
    roles.serving.push_back({revision, percent});
  }
  int count_ready(const Revision& revision) const {
    int count = 0;
    for (const auto& [key, replica] : instance.replicas)
      if (revision.has(key) && is_ready(world, replica, now) && !replica.stop_asked) ++count;
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
    over.to.merge(surplus_of(to));
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

  // What it no longer mounts somebody else may wait for.
  bool has_left_volume(const Revision& revision) const {
    const std::vector<Mount>& mounts = instance.desired->mounts;
    const auto is_left = [&](const VolumeId& id) {
      return std::none_of(mounts.begin(), mounts.end(),
                          [&](const Mount& mount) { return mount.volume_id == id; });
    };
    return std::any_of(instance.replicas.begin(), instance.replicas.end(), [&](const auto& entry) {
      const std::vector<VolumeId>& volumes = entry.second.volumes;
      return revision.has(entry.first) && is_running(entry.second) &&
             std::any_of(volumes.begin(), volumes.end(), is_left);
    });
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

  // Every replica that can be ready is; `routed`: and has its requests, if it is to have any.
  enum class Whole { ready, routed };
  bool is_whole(const Revision& revision, Whole whole) const {
    for (int ordinal = 0; ordinal < replicas_of(instance, revision.deployment_id); ++ordinal) {
      const auto found = instance.replicas.find({revision.deployment_id, revision.epoch, ordinal});
      if (found == instance.replicas.end()) return false;
      const ReplicaWorld& replica = found->second;
      if (replica.gave_up || replica.completed) continue;
      if (replica.stop_asked || !is_ready(world, replica, now)) return false;
      if (whole == Whole::routed && replica.ready && !instance.acknowledged(found->first))
        return false;
    }
    return true;
  }

  // Who has the traffic and is to have it no more serves on until the version before it is whole
  // again: replica by replica, or, at once, when that one has none of the traffic.
  bool cast_return(const Revision& target) {
    if (roles.active->status != DeploymentStatus::success || is_whole(target, Whole::routed))
      return false;
    const bool ready = is_whole(target, Whole::ready);
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
      if (ready || any_in_rotation(instance, target)) continue;
      want_all(target);
      want_all(leaving);
      serve(leaving);
      return true;
    }
    return !ready && cast_reunion(target);
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

  // The newest earlier one that has requests; when none has, of which something is left.
  std::optional<int> epoch_before(const Revision& target) const {
    std::pair<bool, int> best{false, -1};
    for (const auto& [key, replica] : instance.replicas)
      if (key.deployment_id == target.deployment_id && key.epoch < target.epoch &&
          (replica.container || replica.busy != Busy::none))
        best = std::max(best, std::pair(instance.in_rotation(key), key.epoch));
    return best.second < 0 ? std::nullopt : std::optional(best.second);
  }

  void cast_active() {
    const Revision target{roles.active->id, instance.desired->epoch};
    const DeploySettings& deploy = roles.active->settings.deploy;
    const Revision present{roles.active->id, serving_epoch(instance, *roles.active)};
    if (roles.active->status == DeploymentStatus::sleeping && !instance.demand.wake_asked) return;
    // Whether it gets well without it is nothing to wait for.
    if (!(present == target) && has_left_volume(present)) return stop_first(present, target);
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

}  // namespace gantry
