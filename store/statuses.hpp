// Sets of statuses as SQL: is_pending() and is_live() of proto.
#pragma once

#include "proto/transitions.hpp"

namespace gantry {

inline constexpr const char* kPending = "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING')";
inline constexpr const char* kLive =
    "('QUEUED', 'INITIALIZING', 'BUILDING', 'DEPLOYING', 'SUCCESS', 'CRASHED', 'SLEEPING')";

}  // namespace gantry
