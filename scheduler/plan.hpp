// The one place that decides. Level-triggered: from what is, never from what happened. Pure.
#pragma once

#include <optional>
#include <vector>

#include "scheduler/world.hpp"

namespace gantry {

struct Plan {
  std::vector<Action> actions;
  std::optional<TimePoint> wake_at;  // when time alone changes the answer
};

// What to do for one instance now. Gives nothing until the world was adopted.
Plan plan(const World&, const InstanceWorld&, TimePoint now);

// ---- parts, public for their tests ----

struct Revision {
  DeploymentId deployment_id;
  int epoch = 0;
  bool operator==(const Revision&) const = default;
};

// Who plays which part among an instance's deployments.
struct Roles {
  const Deployment* candidate = nullptr;  // newest that is to become success
  const Deployment* active =
      nullptr;                   // newest that was success: it is promised to serve until replaced
  std::vector<Revision> wanted;  // whose replicas are to run
  std::optional<Revision> serving;  // whose ready replicas take the traffic
};
Roles cast_roles(const World&, const InstanceWorld&, TimePoint now);

// Has proved itself: its port opened (or its health path answered 2xx), or it has no port and has
// settled, or it has done its work and ended with 0.
bool is_ready(const World&, const ReplicaWorld&, TimePoint now);

// The next step towards an image whose pre-deploy command has run, and the end of what nobody waits
// for any more.
void advance(const World&, const InstanceWorld&, const Roles&, TimePoint now, Plan&);

// Why it does not come to its replicas, or how far it is; nothing once they may start.
std::optional<StatusChange> derive_progress(const InstanceWorld&, const Deployment& candidate);

// Its image is there and every replica of the revision is ready.
bool all_ready(const World&, const InstanceWorld&, const Revision&, TimePoint now);

// What the edge should have.
Route wanted_route(const InstanceWorld&, const Roles&);

// Nothing is left of a deleted instance: it may be dropped from the world.
bool is_finished(const InstanceWorld&);

// A status that follows from the facts and differs from the recorded one.
std::optional<StatusChange> derive_status(const World&, const InstanceWorld&, const Roles&,
                                          const Deployment&, TimePoint now,
                                          std::optional<TimePoint>& wake_at);

// A replica as people see it.
Replica describe_replica(const InstanceWorld&, const ReplicaWorld&, bool wanted);

}  // namespace gantry
