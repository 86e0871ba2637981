// What absorbing needs in more than one file. For the files world*.cpp alone. Pure.
#pragma once

#include "scheduler/world.hpp"

namespace gantry {

inline constexpr Duration kRecordAgain = Seconds(1);  // after a write that failed

// Found or made, and to be planned.
InstanceWorld& instance_of(World&, const InstanceId&, TimePoint now);

ReplicaWorld& replica_of(InstanceWorld&, const ReplicaKey&);  // found or made
ReplicaWorld* find_replica(InstanceWorld&, const ReplicaKey&);
void forget_health(ReplicaWorld&);
// A container as it is now. `witnessed`: its end was told when it came, and is judged.
void see(World&, InstanceWorld&, const Container&, bool witnessed, TimePoint now);
bool ended_by_engine(const World&, const Container&);
void vanish(ReplicaWorld&, TimePoint now);

// Whether trying again cannot help.
bool for_ever(const Error&);

void on(World&, const Listed&, TimePoint now);
void on(World&, const ContainerSeen&, TimePoint now);
void on(World&, const ContainerGone&, TimePoint now);
void on(World&, const TookOver&, TimePoint now);
void on(World&, const EngineLost&, TimePoint now);
void on(World&, const EngineBack&, TimePoint now);
void on(World&, const ProbeFinished&, TimePoint now);
void on(World&, const RoutesApplied&, TimePoint now);
void on(World&, const RouteFailed&, TimePoint now);
void on(World&, const Drained&, TimePoint now);
void on(World&, const DeedDone&, TimePoint now);
void on(World&, const DeedFailed&, TimePoint now);
void on(World&, const ReplicaRecorded&, TimePoint now);
void on(World&, const ReplicaRemembered&, TimePoint now);
void on(World&, const DesiredChanged&, TimePoint now);
void on(World&, const WorkDone&, TimePoint now);
void on(World&, const WorkFailed&, TimePoint now);
void on(World&, const ProgressRecorded&, TimePoint now);
void on(World&, const StatusRecorded&, TimePoint now);
void on(World&, const RolloutRecorded&, TimePoint now);
void on(World&, const ScaleRecorded&, TimePoint now);
void on(World&, const TrafficMeasured&, TimePoint now);
void on(World&, const LoadSeen&, TimePoint now);
void on(World&, const UsageSeen&, TimePoint now);
void on(World&, const WakeAsked&, TimePoint now);

}  // namespace gantry
