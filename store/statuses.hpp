// Sets of statuses as SQL, and what a status may become.
#pragma once

#include "proto/model.hpp"

namespace gantry {

inline constexpr const char* kPending = "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING')";
inline constexpr const char* kLive =
    "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING', 'SUCCESS', 'CRASHED', 'SLEEPING')";

// What is over stays over, and what is being removed only goes on to be removed.
inline bool may_become(DeploymentStatus from, DeploymentStatus to) {
  if (is_terminal(from)) return false;
  return from != DeploymentStatus::removing || to == DeploymentStatus::removed;
}

}  // namespace gantry
