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

// How the database answered who asked for the lease; back: it was away, and is not any more.
enum class LeaseAnswer { held, refused, away, back };
// Until it is asked again. Who held it has gone on without the database and is to be first when
// that is back: everybody else waits then for longer than the holder's pause.
inline Duration lease_pause(LeaseAnswer answer, Seconds lease) {
  switch (answer) {
    case LeaseAnswer::held:
      return Duration(lease) / 4;
    case LeaseAnswer::refused:
    case LeaseAnswer::away:
      return std::chrono::milliseconds(250);
    case LeaseAnswer::back:
      return Seconds(1);
  }
  return lease;
}

}  // namespace gantry
