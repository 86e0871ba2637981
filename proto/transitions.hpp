// What a deployment may become and what a newer one does to it: the store's rules, in one place for
// every implementation. Pure.
#pragma once

#include <optional>

#include "proto/model.hpp"

namespace gantry {

// On its way: queued, initializing, building, deploying.
inline bool is_pending(DeploymentStatus status) { return is_live(status) && !has_served(status); }

// What is over stays over, what is being removed only goes on to be removed, and who holds one
// lets it go, passes it over or removes it.
inline bool may_become(DeploymentStatus from, DeploymentStatus to) {
  if (is_terminal(from)) return false;
  if (is_held(from))
    return to == DeploymentStatus::queued || to == DeploymentStatus::skipped ||
           to == DeploymentStatus::removing;
  return from != DeploymentStatus::removing || to == DeploymentStatus::removed;
}

// A new deployment takes the place of older ones that are still on their way or held; one that is
// held itself only of those.
inline bool superseded_by_new(const Deployment& older, const DeploymentId& newer) {
  return older.id < newer && (is_pending(older.status) || is_held(older.status));
}

// A success takes the place of every older one that is live, but of the one that it keeps.
inline bool superseded_by_success(const Deployment& older, const DeploymentId& newer,
                                  const std::optional<DeploymentId>& kept) {
  return older.id < newer && is_live(older.status) && older.id != kept;
}

// An order for one on its way; a promotion is not taken back.
inline bool may_be_ordered(const Deployment& deployment, RolloutOrder order) {
  if (!is_pending(deployment.status)) return false;
  return deployment.rollout.order == order || deployment.rollout.order != RolloutOrder::promote;
}

}  // namespace gantry
