// The one place that decides. Level-triggered: from what is, never from what happened. Pure.
#pragma once

#include <optional>
#include <set>
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
  bool has(const ReplicaKey& key) const {
    return key.deployment_id == deployment_id && key.epoch == epoch;
  }
  bool operator==(const Revision&) const = default;
};

// The replicas of a revision that are to run.
struct Wanted {
  Revision revision;
  std::set<int> ordinals;
};

// A revision whose ready replicas take traffic.
struct Serving {
  Revision revision;
  int percent = 0;  // of the requests; 0: each replica as much as any other
};

// Who plays which part among an instance's deployments.
struct Roles {
  const Deployment* candidate = nullptr;  // newest that is to become success
  const Deployment* active =
      nullptr;  // newest that was success: it is promised to serve until replaced
  const Deployment* kept = nullptr;  // runs on for a way back: the old colour
  std::vector<Wanted> wanted;
  std::vector<Serving> serving;
  std::optional<Revision> preview;   // runs without traffic, behind a host of its own
  std::optional<Revision> fallback;  // the active one's, while a candidate takes over from it

  bool serves(const Revision&) const;
  const Wanted* wants(const Revision&) const;
};
Roles cast_roles(const World&, const InstanceWorld&, TimePoint now);

// Has proved itself: its port opened (or its health path answered 2xx), or it has no port and has
// settled, or it has done its work and ended with 0.
bool is_ready(const World&, const ReplicaWorld&, TimePoint now);

// The next step towards an image whose pre-deploy command has run, and the end of what nobody waits
// for any more.
void advance(const World&, const InstanceWorld&, const Roles&, TimePoint now, Plan&);

// Why it does not come to its replicas, or how far it is; nothing once they may start.
std::optional<StatusChange> derive_progress(const World&, const InstanceWorld&,
                                            const Deployment& candidate);

// Its image is there and every replica of the revision is ready; the first `replicas` of them.
bool all_ready(const World&, const InstanceWorld&, const Revision&, TimePoint now);
bool all_ready(const World&, const InstanceWorld&, const Revision&, int replicas, TimePoint now);

// Replicas of a revision that a person's or the edge's requests may reach.
bool any_in_rotation(const InstanceWorld&, const Revision&);
// The epoch of a deployment that serves now.
int serving_epoch(const InstanceWorld&, const Deployment&);

// The epoch with which one that is on its way began.
int starting_epoch(const InstanceWorld&, const Deployment&);

// What the edge should have.
Route wanted_route(const World&, const InstanceWorld&, const Roles&);
bool same_route(const Route&, const Route&);

// A number of replicas that its load asks for, or nothing; sleep and wake.
std::optional<ScaleChange> derive_scale(const World&, const InstanceWorld&, const Roles&,
                                        TimePoint now, std::optional<TimePoint>& wake_at);
bool is_idle(const InstanceWorld&, const Roles&, TimePoint now, std::optional<TimePoint>& wake_at);

// Nothing is left of a deleted instance: it may be dropped from the world.
bool is_finished(const InstanceWorld&);

// A status that follows from the facts and differs from the recorded one.
std::optional<StatusChange> derive_status(const World&, const InstanceWorld&, const Roles&,
                                          const Deployment&, TimePoint now,
                                          std::optional<TimePoint>& wake_at);

// A replica as people see it.
Replica describe_replica(const InstanceWorld&, const ReplicaWorld&, bool wanted);

}  // namespace gantry
