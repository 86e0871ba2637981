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

// How the database answered who asked for the lease.
enum class LeaseAnswer { held, refused, away_from_holder, away };
// Until it is asked again. While the database is away its holder asks often and everybody else
// seldom: when it is back the holder comes first, who has gone on meanwhile.
inline Duration lease_pause(LeaseAnswer answer, Seconds lease) {
  switch (answer) {
    case LeaseAnswer::held:
      return Duration(lease) / 4;
    case LeaseAnswer::refused:
    case LeaseAnswer::away_from_holder:
      return std::chrono::milliseconds(250);
    case LeaseAnswer::away:
      return Duration(lease) / 2;
  }
  return lease;
}

}  // namespace gantry
