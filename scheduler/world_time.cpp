// A clock that is set back must not put everything off by as much.
#include <optional>
#include <utility>

#include "scheduler/world.hpp"

namespace gantry {
namespace {

constexpr Duration kSlewed = Seconds(1);  // a clock that goes back by less was not set

void shift(TimePoint& at, Duration by) {
  if (at != TimePoint()) at -= by;
}
void shift(std::optional<TimePoint>& at, Duration by) {
  if (at) *at -= by;
}

template <class... Times>
void shift_all(Duration by, Times&... times) {
  (shift(times, by), ...);
}

// What the engine or the store has written stays as it is written there.
void set_back(World& world, Duration by) {
  shift(world.adopted_at, by);
  for (auto& [id, instance] : world.instances) {
    world.dirty.insert(id);
    shift_all(by, instance.orphan_since, instance.route_at);
    for (auto& [key, one] : instance.replicas)
      shift_all(by, one.changed_at, one.ready_since, one.unready_since, one.next_probe_at,
                one.retry_at, one.record_at);
    for (auto& [deployment, one] : instance.deployments)
      shift_all(by, one.window_from, one.record_at, one.work_at, one.rollout_at);
    DemandWorld& demand = instance.demand;
    shift_all(by, demand.busy_at, demand.seen_at, demand.more_since, demand.fewer_since,
              demand.record_at);
  }
}

}  // namespace

bool follow_clock(World& world, TimePoint now) {
  const TimePoint before = std::exchange(world.told_at, now);
  if (now + kSlewed >= before) return false;
  set_back(world, before - now);
  return true;
}

}  // namespace gantry
