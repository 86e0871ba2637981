// The arithmetic of take-overs: steps, numbers of replicas, shares. Pure.
#pragma once

#include <optional>
#include <set>

#include "scheduler/plan.hpp"

namespace gantry {

// The reason of a deployment that is about to interrupt its service; it is recorded before it does.
inline constexpr const char* kStopsFirst =
    "stops the version before it first: the service is interrupted";

// A rollout goes through steps: a rolling one has one, a blue-green one two (beside the old
// version; promoted), a canary its own. In the last step the new version has all the traffic.
int last_step(const Deployment&);
int step_of(const Deployment&);  // a promotion is the last one
// When the edge acknowledged the present step; nothing before.
std::optional<TimePoint> since_of(const Deployment&);
// Share of the requests in a step, 0..100.
int percent_in(const Deployment&, int step);
// How many new replicas a step needs.
int replicas_in(const Deployment&, int step);

// The same of the candidate, now. Without anything to take over from there is one step.
int replicas_now(const Roles&);

int surge_of(const DeploySettings&);        // replicas; at least 1 unless unavailability allows 0
int unavailable_of(const DeploySettings&);  // replicas
// The old version stays whole until the new one is ready.
bool at_once(const DeploySettings&);

// Which replicas of two revisions are to run while one takes over from the other, replica by
// replica. Never fewer than `replicas` less the allowed unavailability are ready, never more than
// `replicas` and the surge run.
struct TakeOver {
  std::set<int> from;
  std::set<int> to;
};
TakeOver take_over(const World&, const InstanceWorld&, const Revision& from, const Revision& to,
                   const DeploySettings&, TimePoint now);

// The step to be recorded: acknowledged by the edge, or the next one; nothing while it goes on.
std::optional<RolloutChange> next_rollout(const World&, const InstanceWorld&, const Roles&,
                                          TimePoint now, std::optional<TimePoint>& wake_at);

// Which of a candidate's replicas has crashed or failed since then; empty: none.
std::string weakness(const InstanceWorld&, const Deployment& candidate, TimePoint since);

// Why a candidate that has begun to take over must not go on; empty while it may.
std::string setback(const World&, const InstanceWorld&, const Roles&, TimePoint now,
                    std::optional<TimePoint>& wake_at);

// What people read while it is on its way and nothing is wrong.
std::string describe_step(const InstanceWorld&, const Roles&);

// All of this step's replicas are ready and the edge has what follows from it.
bool step_stands(const World&, const InstanceWorld&, const Roles&, TimePoint now);

// After the switch it has been watched for long enough, or there is nothing to fall back to.
bool observed(const Roles&, TimePoint now, std::optional<TimePoint>& wake_at);

}  // namespace gantry
