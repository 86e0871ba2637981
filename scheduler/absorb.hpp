// What absorbing needs in more than one file. For the files world*.cpp alone. Pure.
#pragma once

#include "scheduler/world.hpp"

namespace gantry {

inline constexpr Duration kRecordAgain = Seconds(1);  // after a write that failed

// Found or made, and to be planned.
InstanceWorld& instance_of(World&, const InstanceId&, TimePoint now);

// Whether trying again cannot help.
bool for_ever(const Error&);

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
