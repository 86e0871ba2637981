// What requests and containers ask for: more or fewer replicas, or none. Pure.
#pragma once

#include "scheduler/world.hpp"

namespace gantry {

// How many replicas the present load asks for, within the limits; `present` when nothing is known.
int replicas_for(const DeploySettings&, const DemandWorld&, int present);

// Takes in what was seen and how long it has asked for another number.
void note_load(DemandWorld&, const RouteLoad&, TimePoint now);
void note_usage(DemandWorld&, const std::vector<ReplicaUsage>&);
void note_wish(DemandWorld&, const DeploySettings&, TimePoint now);

}  // namespace gantry
