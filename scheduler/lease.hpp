// How long a daemon may take itself for the one that acts. Pure.
#pragma once

#include "proto/time.hpp"
#include "scheduler/mutation.hpp"

namespace gantry {

// Shorter than the database's own: who has lost it stops before another one begins.
inline TimePoint leads_until(TimePoint asked_at, Seconds lease) { return asked_at + lease * 3 / 4; }
inline bool leads_at(TimePoint now, TimePoint until) {
  return now < until || mutated(Mutation::lease_ignored);
}

}  // namespace gantry
