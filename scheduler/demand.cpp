#include "scheduler/demand.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"

namespace gantry {
namespace {

constexpr Duration kStale = Seconds(30);  // what was seen longer ago says nothing

int enough(double total, double each) {
  return each <= 0 ? 0 : static_cast<int>(std::ceil(total / each - 1e-9));
}

}  // namespace

int replicas_for(const DeploySettings& deploy, const DemandWorld& demand, int present) {
  const ScalingSettings& scaling = deploy.scaling;
  if (!demand.seen_at) return present;
  const int wanted =
      std::max({enough(demand.requests_per_second, scaling.requests_per_second),
                enough(demand.concurrency, scaling.concurrency),
                enough(demand.cpu_millicores, deploy.cpu_millicores * scaling.cpu_percent / 100.0),
                enough(demand.memory_bytes,
                       static_cast<double>(deploy.memory_bytes) * scaling.memory_percent / 100.0)});
  return std::clamp(wanted, std::max(scaling.min_replicas, 1), scaling.max_replicas);
}

void note_load(DemandWorld& demand, const RouteLoad& load, TimePoint now) {
  const bool again = demand.seen_at && load.requests >= demand.requests;
  const std::uint64_t fresh = again ? load.requests - demand.requests : load.requests;
  if (again && now > *demand.seen_at)
    demand.requests_per_second =
        static_cast<double>(fresh) / std::chrono::duration<double>(now - *demand.seen_at).count();
  if (!demand.busy_at || fresh > 0 || load.sessions > 0 || load.queued > 0) demand.busy_at = now;
  demand.requests = load.requests;
  demand.concurrency = load.sessions + load.queued;
  demand.seen_at = now;
}

void note_usage(DemandWorld& demand, const std::vector<ReplicaUsage>& replicas) {
  demand.cpu_millicores = demand.memory_bytes = 0;
  for (const ReplicaUsage& replica : replicas) {
    demand.cpu_millicores += replica.cpu_millicores;
    demand.memory_bytes += replica.memory_bytes;
  }
}

void note_wish(DemandWorld& demand, const DeploySettings& deploy, TimePoint now) {
  const int wanted = replicas_for(deploy, demand, deploy.replicas);
  if (wanted > deploy.replicas) {
    demand.fewer_since.reset();
    if (!demand.more_since) demand.more_since = now;
  } else if (wanted < deploy.replicas) {
    demand.more_since.reset();
    demand.fewer = demand.fewer_since ? std::max(demand.fewer, wanted) : wanted;
    if (!demand.fewer_since) demand.fewer_since = now;
  } else {
    demand.more_since.reset();
    demand.fewer_since.reset();
  }
}

std::optional<ScaleChange> derive_scale(const World& world, const InstanceWorld& instance,
                                        const Roles& roles, TimePoint now,
                                        std::optional<TimePoint>& wake_at) {
  if (!world.adopted || roles.candidate != nullptr || roles.active == nullptr ||
      roles.active->status != DeploymentStatus::success)
    return std::nullopt;
  const DeploySettings& deploy = roles.active->settings.deploy;
  const ScalingSettings& scaling = deploy.scaling;
  const DemandWorld& demand = instance.demand;
  if (scaling.max_replicas == 0 || demand.recording) return std::nullopt;
  const auto due = [&](TimePoint at) {
    if (now < at && (!wake_at || at < *wake_at)) wake_at = at;
    return now >= at;
  };
  if (!due(demand.record_at)) return std::nullopt;
  const auto change = [&](int replicas, const std::string& why) {
    return ScaleChange{instance.id, replicas, why};
  };
  if (deploy.replicas < scaling.min_replicas) return change(scaling.min_replicas, "min_replicas");
  if (deploy.replicas > scaling.max_replicas) return change(scaling.max_replicas, "max_replicas");
  if (!demand.seen_at || now - *demand.seen_at > kStale) return std::nullopt;
  if (demand.more_since && due(*demand.more_since + Seconds(scaling.up_seconds)))
    return change(replicas_for(deploy, demand, deploy.replicas),
                  fmt::format("{:.0f} requests a second, {} at once, {:.0f} millicores, {:.0f} MiB",
                              demand.requests_per_second, demand.concurrency, demand.cpu_millicores,
                              demand.memory_bytes / (1024 * 1024)));
  if (demand.fewer_since && due(*demand.fewer_since + Seconds(scaling.down_seconds)))
    return change(demand.fewer, fmt::format("enough for the last {} s", scaling.down_seconds));
  return std::nullopt;
}

bool is_idle(const InstanceWorld& instance, const Roles& roles, TimePoint now,
             std::optional<TimePoint>& wake_at) {
  if (roles.candidate != nullptr || roles.active == nullptr || !instance.demand.busy_at)
    return false;
  const SleepSettings& sleep = roles.active->settings.deploy.sleep;
  if (!sleep.enabled || instance.desired->hosts.empty()) return false;
  if (instance.demand.concurrency > 0 && !mutated(Mutation::sleeps_while_busy)) return false;
  const TimePoint at = (mutated(Mutation::sleeps_while_busy)
                            ? roles.active->updated_at
                            : std::max(*instance.demand.busy_at, roles.active->updated_at)) +
                       Seconds(sleep.idle_seconds);
  if (now >= at) return true;
  if (!wake_at || at < *wake_at) wake_at = at;
  return false;
}

}  // namespace gantry
