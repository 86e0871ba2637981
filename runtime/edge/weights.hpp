// Who of a route gets new requests, and the weights that give two groups of replicas a wanted share
// of them. Pure.
#pragma once

#include "runtime/edge/edge.hpp"

namespace gantry {

// Whether a replica gets new requests that name nothing but the host.
inline bool is_serving(const RouteBackend& backend) {
  return !backend.draining && backend.weight > 0;
}
bool is_serving(const Route&);

struct GroupWeights {
  int stable = 0;  // of each replica of the group
  int canary = 0;
  bool operator==(const GroupWeights&) const = default;
};

// Percent of the requests that the canary gets by these weights.
double canary_percent(int n_stable, int n_canary, const GroupWeights&);

// The weights whose share is nearest to `percent` (0..100), each at most kMostWeight and, if its
// group is to get anything, at least 1. Within 1 percentage point while one group has at most five
// times the other's replicas; beyond that as near as the scale goes. Of equally near ones the
// smallest: they take turns soonest. An empty group has weight 0; the other then gets everything,
// unless it is to get nothing.
GroupWeights weights_for(int n_stable, int n_canary, int percent);

}  // namespace gantry
