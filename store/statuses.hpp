// Sets of statuses as SQL: is_pending(), is_held() and is_live() of proto.
#pragma once

#include "proto/transitions.hpp"

namespace gantry {

inline constexpr const char* kPending = "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING')";
inline constexpr const char* kHeld = "('WAITING', 'NEEDS_APPROVAL')";
inline constexpr const char* kPendingOrHeld =
    "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING', 'WAITING', 'NEEDS_APPROVAL')";
inline constexpr const char* kLiveOrHeld =
    "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING', 'SUCCESS', 'CRASHED', 'SLEEPING', "
    "'WAITING', 'NEEDS_APPROVAL')";
inline constexpr const char* kLive =
    "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING', 'SUCCESS', 'CRASHED', 'SLEEPING')";

}  // namespace gantry
