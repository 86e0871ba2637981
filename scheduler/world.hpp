// The world as the scheduler knows it: what is desired, what was observed, and a mark for every
// action under way, so that planning twice gives nothing new. A cache of the store, the engine and
// the edge: it may be dropped at any moment and built again from them. Owned by the scheduler's
// thread. Pure: `now` is a parameter.
//
// Facts go in through absorb(); plan() reads; dispatched() leaves the mark of an action.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "proto/store.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/edge/edge.hpp"
#include "runtime/probe.hpp"
#include "runtime/usage.hpp"
#include "scheduler/desired.hpp"

namespace gantry {

// Knobs; the defaults are the product's.
struct Policy {
  Duration orphan_grace = Seconds(300);  // what is ours but unknown is removed after so long
  Duration worker_settle = Seconds(2);  // a replica without a port is ready when it ran for so long
  Duration port_settle = Seconds(10);   // port_mode automatic: ready although nothing listens yet
  Duration forget_restarts = Seconds(60);  // ready for so long: restarts count from zero again
  Duration unhealthy_restart =
      Seconds(30);  // unready for so long after having been ready: restarted
  Duration engine_stop_margin =
      Seconds(15);  // exits so long before the engine was lost, or after it was back, are its doing
  Duration volume_look = std::chrono::milliseconds(
      500);  // between looks whether a volume that is to be mounted is free
  Duration turn_look =
      std::chrono::milliseconds(500);  // between looks whether another pre-deploy command has ended
  int unready_after = 3;               // failed probes in a row
  Duration promotion_deadline = std::chrono::hours(24);  // a version that waits longer is given up
  int step_patience = 4;  // a canary's step lasts at most so many intervals for want of requests
  Seconds cancelled_grace{3};  // from SIGTERM to SIGKILL of what never served and was given up
};

// ---- facts ----

struct DesiredChanged {
  InstanceId instance_id;
  DesiredPtr desired;
};  // null: deleted
struct Listed {
  TimePoint asked_at;
  std::vector<Container> containers;
};  // the whole truth at `asked_at`
struct ContainerSeen {
  Container container;
};
struct ContainerGone {
  ReplicaKey key;
  InstanceId instance_id;
  std::string container_id;
};
// This daemon acts from now on, and another one may have acted until now: what was learnt by acting
// is out of date, and so is what was made of exits that the other one ordered. Comes after what the
// edge has; a list follows.
struct TookOver {
  std::vector<Replica> replicas;  // as the store has them now
};
struct EngineLost {};
struct EngineBack {};
struct ProbeFinished {
  InstanceId instance_id;
  ReplicaKey key;
  std::string container_id;
  ProbeOutcome outcome;
};
struct RoutesApplied {
  std::int64_t generation;
  std::vector<Route> routes;
};
struct RouteFailed {
  InstanceId instance_id;
  std::string detail;
};
struct Drained {
  InstanceId instance_id;
  DrainProof proof;
};
enum class Deed { start, stop, remove };
struct DeedDone {
  InstanceId instance_id;
  ReplicaKey key;
  Deed deed;
  std::optional<Container> container;
};
struct DeedFailed {
  InstanceId instance_id;
  ReplicaKey key;
  Deed deed;
  Error error;
};
// What the edge measured of one instance's replicas since it was last told.
struct TrafficMeasured {
  InstanceId instance_id;
  std::vector<ReplicaMeasure> replicas;
};
struct LoadSeen {
  RouteLoad load;
};
// What a replica's container uses, from the engine.
struct UsageSeen {
  InstanceId instance_id;
  std::vector<ReplicaUsage> replicas;
};
// A request waits for a service that sleeps.
struct WakeAsked {
  InstanceId instance_id;
};
// What is done for a deployment before its replicas may start.
enum class Work { none, preparing, building, running };
struct WorkDone {
  Work work;
  ProgressChange change;
  std::string skip_reason;  // of preparing: not empty, there is nothing to do
};
struct WorkFailed {
  InstanceId instance_id;
  DeploymentId deployment_id;
  Work work;
  Error error;
};
struct ProgressRecorded {
  ProgressChange change;
  bool ok;
};
struct StatusRecorded {
  StatusChange change;
  bool ok;
};
struct RolloutRecorded {
  RolloutChange change;
  bool ok;
};
struct ScaleRecorded {
  ScaleChange change;
  bool ok;
};
struct ReplicaRecorded {
  Replica replica;
  bool ok;
};
struct ReplicaRemembered {
  Replica replica;
};  // at the start, from the store, before the first Listed

using Fact = std::variant<DesiredChanged, TookOver, Listed, ContainerSeen, ContainerGone,
                          EngineLost, EngineBack, ProbeFinished, RoutesApplied, RouteFailed,
                          Drained, DeedDone, DeedFailed, WorkDone, WorkFailed, ProgressRecorded,
                          StatusRecorded, RolloutRecorded, ScaleRecorded, ReplicaRecorded,
                          ReplicaRemembered, TrafficMeasured, LoadSeen, UsageSeen, WakeAsked>;

// ---- actions ----

struct Start {
  ContainerSpec spec;
};
struct Stop {
  InstanceId instance_id;
  DrainProof proof;
  Seconds grace;
};
struct Remove {
  InstanceId instance_id;
  ReplicaKey key;
};
struct SetRoute {
  Route route;
};
struct Drain {
  InstanceId instance_id;
  ReplicaKey key;
  DrainDeadlines deadlines;
};
struct Probe {
  InstanceId instance_id;
  ReplicaKey key;
  std::string container_id;
  ProbeTarget target;
};
struct Prepare {
  PrepareOrder order;
};
struct Build {
  BuildOrder order;
  BuildProgress progress;  // up to now
};
struct RunOnce {
  RunSpec spec;
  BuildProgress progress;
};
struct Cancel {
  InstanceId instance_id;
  DeploymentId deployment_id;
  Work work;
};
struct RecordProgress {
  ProgressChange change;
};
struct RecordStatus {
  StatusChange change;
};
struct RecordRollout {
  RolloutChange change;
};
struct RecordScale {
  ScaleChange change;
};
struct RecordReplica {
  Replica replica;
};

using Action =
    std::variant<Start, Stop, Remove, SetRoute, Drain, Probe, Prepare, Build, RunOnce, Cancel,
                 RecordProgress, RecordStatus, RecordRollout, RecordScale, RecordReplica>;

std::string describe(const Action&);  // one line for the log: verb and key=value

// ---- state ----

enum class Busy { none, starting, draining, stopping, removing };

struct ReplicaWorld {
  ReplicaKey key;
  std::optional<Container> container;
  Busy busy = Busy::none;
  std::vector<VolumeId> volumes;  // of its container, or of the one that is being started
  TimePoint
      changed_at{};  // when the container's state was last learnt; older lists are not believed

  std::string gone_id;  // of the container that it had last: what is told of it now is old
  std::optional<Container>
      seen_meanwhile;  // while it was being started: the start's own answer may be older

  bool served = false;  // the edge had it, once
  bool open = false;    // the last probes got through
  bool ready = false;   // may take traffic (or needs none)
  std::optional<TimePoint> ready_since;
  std::optional<TimePoint> unready_since;  // was ready, is not
  int failures = 0;                        // failed probes in a row
  int attempts = 0;                        // probes since the start
  bool probing = false;
  TimePoint next_probe_at{};
  std::string probe_detail;

  int restarts = 0;
  int start_failures = 0;
  TimePoint retry_at{};
  bool gave_up = false;                   // the restart policy is used up
  bool completed = false;                 // ended with 0 and is not to be restarted
  bool refused = false;                   // the engine will never start it like this
  bool stop_asked = false;                // the coming exit is our doing
  std::optional<TimePoint> counted_exit;  // the exit the policy has judged
  std::optional<TimePoint> crashed_at;    // the last exit that the policy counted
  std::string reason;

  std::optional<DrainProof> proof;
  std::optional<Replica> recorded;
  bool recording = false;
  TimePoint record_at{};  // not before, after a failed write
};

struct DeploymentWorld {
  std::optional<TimePoint> window_from;       // when its health window began
  std::optional<DeploymentStatus> recording;  // a write of this status is under way
  TimePoint record_at{};                      // not before, after a failed write

  Work work = Work::none;               // under way
  bool cancelling = false;              // it was told to end
  std::optional<ProgressChange> found;  // what the last work gave, until it is recorded
  bool recording_progress = false;
  int work_failures = 0;  // of the present work, in a row
  TimePoint work_at{};    // not before, after one that may pass
  std::string trouble;    // why it is tried again
  std::string failure;    // why it never will come to an end
  std::string skip_reason;

  bool recording_rollout = false;
  TimePoint rollout_at{};  // not before, after a failed write
  Measure measured;        // by the edge, in the present step
};

// What an instance's requests and containers told of late, for scaling and sleep.
struct DemandWorld {
  std::optional<TimePoint> busy_at;  // last seen with a request
  std::optional<TimePoint> seen_at;
  std::uint64_t requests = 0;
  double requests_per_second = 0;
  int concurrency = 0;
  double cpu_millicores = 0;  // of all replicas
  double memory_bytes = 0;
  std::optional<TimePoint> more_since, fewer_since;  // wanted other numbers without a break
  int fewer = 0;  // the largest of the smaller numbers wanted since
  bool recording = false;
  TimePoint record_at{};
  bool wake_asked = false;
};

struct InstanceWorld {
  InstanceId id;
  DesiredPtr desired;
  bool deleted = false;                   // desired is null because somebody deleted it
  std::optional<TimePoint> orphan_since;  // desired is null and nobody said why
  std::map<ReplicaKey, ReplicaWorld> replicas;
  std::map<DeploymentId, DeploymentWorld> deployments;
  Route applied;                   // what the edge acknowledged
  std::optional<Route> requested;  // what it was asked for
  TimePoint route_at{};            // not before, after a refusal
  int route_failures = 0;
  DemandWorld demand;

  bool routed(const ReplicaKey&) const;        // may get new requests, applied or asked for
  bool acknowledged(const ReplicaKey&) const;  // the edge has said that it gets new requests
  bool in_rotation(const ReplicaKey&) const;   // and not only those of a preview
  bool at_edge(const ReplicaKey&) const;       // known to the edge at all, draining included
};

struct World {
  Policy policy;
  TimePoint told_at{};   // the latest time that it was told
  bool adopted = false;  // the first list was absorbed
  TimePoint adopted_at{};
  bool engine_up = true;
  TimePoint engine_back_at{};  // when it was back after having been lost
  std::map<InstanceId, InstanceWorld> instances;
  std::set<InstanceId> dirty;  // touched since they were last planned
  std::map<std::string, InstanceId, std::less<>> host_holders;  // who has a host at the edge
  std::map<std::string, InstanceId, std::less<>> host_owners;   // who is to have it
  std::map<int, InstanceId> port_holders;                       // who has a port of the edge
};

void absorb(World&, const Fact&, TimePoint now);
// True: the clock was set back, and with it what is remembered of it before and what was put off
// until later. absorb() does it too.
bool follow_clock(World&, TimePoint now);
void dispatched(World&, const Action&, TimePoint now);

// The settings under which a replica's deployment runs; null when the deployment is not known (any
// more).
const Deployment* deployment_of(const InstanceWorld&, const DeploymentId&);
// The newest that is a success now; null when there is none.
const Deployment* success_of(const InstanceWorld&);
// Its container runs, as far as is known.
bool is_running(const ReplicaWorld&);
// How many replicas a deployment is to have; 0 when it is not known.
int replicas_of(const InstanceWorld&, const DeploymentId&);

}  // namespace gantry
