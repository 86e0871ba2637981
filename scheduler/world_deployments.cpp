// Facts about deployments: what is desired, what was done before their replicas start, what was
// recorded.
#include <algorithm>

#include "scheduler/absorb.hpp"
#include "scheduler/restart.hpp"

namespace gantry {
namespace {

constexpr int kWorkAttempts = 10;

// The health window of a deployment begins once its replicas may start.
// So does that of each step's replicas, and the edge's measurements of a step.
void begin_windows(InstanceWorld& instance, const Desired* next, TimePoint now) {
  if (next == nullptr) return;
  for (const auto& deployment : next->deployments) {
    const Deployment* before = deployment_of(instance, deployment->id);
    if (before == nullptr) continue;
    const bool starts = !before->progress.done() && deployment->progress.done();
    const bool steps = before->rollout.step != deployment->rollout.step ||
                       before->rollout.order != deployment->rollout.order;
    if (starts || steps) instance.deployments[deployment->id].window_from = now;
    if (steps || before->rollout.since != deployment->rollout.since)
      for (auto& [id, known] : instance.deployments) known.measured = Measure();
  }
}

// Hosts by who is to have them.
void own_hosts(World& world, const InstanceWorld& instance, const Desired* next) {
  if (instance.desired)
    for (const std::string& host : instance.desired->hosts)
      if (const auto owner = world.host_owners.find(host);
          owner != world.host_owners.end() && owner->second == instance.id)
        world.host_owners.erase(owner);
  if (next != nullptr)
    for (const std::string& host : next->hosts) world.host_owners[host] = instance.id;
}

DeploymentWorld& end_of_work(World& world, const InstanceId& id, const DeploymentId& deployment,
                             TimePoint now) {
  DeploymentWorld& work = instance_of(world, id, now).deployments[deployment];
  work.work = Work::none;
  work.cancelling = false;
  return work;
}

}  // namespace

InstanceWorld& instance_of(World& world, const InstanceId& id, TimePoint now) {
  auto [found, fresh] = world.instances.try_emplace(id);
  if (fresh) {
    found->second.id = id;
    found->second.orphan_since = now;
  }
  world.dirty.insert(id);
  return found->second;
}

// Whether trying again cannot help.
bool for_ever(const Error& error) {
  if (error.reason == "volume_in_use") return false;  // who has it ends, or is ended as nobody's
  switch (error.code) {
    case Code::invalid:
    case Code::not_found:
    case Code::conflict:
    case Code::forbidden:
    case Code::unauthenticated:
      return true;
    case Code::exhausted:  // a subnet that is still being given back
    case Code::stale:
    case Code::unavailable:
    case Code::internal:
      return false;
  }
  return false;
}

void on(World& world, const DesiredChanged& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.instance_id, now);
  begin_windows(instance, fact.desired.get(), now);
  own_hosts(world, instance, fact.desired.get());
  instance.desired = fact.desired;
  instance.deleted = fact.desired == nullptr;
  std::erase_if(instance.deployments, [&](const auto& entry) {
    return entry.second.work == Work::none && !entry.second.recording &&
           deployment_of(instance, entry.first) == nullptr;
  });
  if (fact.desired) instance.orphan_since.reset();
}

void on(World& world, const WorkDone& fact, TimePoint now) {
  DeploymentWorld& deployment =
      end_of_work(world, fact.change.instance_id, fact.change.deployment_id, now);
  deployment.work_failures = 0;
  deployment.trouble.clear();
  deployment.skip_reason = fact.skip_reason;
  deployment.found = fact.change;
}

void on(World& world, const WorkFailed& fact, TimePoint now) {
  DeploymentWorld& deployment = end_of_work(world, fact.instance_id, fact.deployment_id, now);
  if (fact.error.reason == "cancelled") return;
  if (fact.error.reason == "turn_taken") {  // no failure of its own
    deployment.trouble = fact.error.detail;
    deployment.work_at = now + world.policy.turn_look;
    return;
  }
  const bool limited = fact.error.code == Code::exhausted;
  if (limited || for_ever(fact.error) || ++deployment.work_failures >= kWorkAttempts) {
    deployment.failure = fact.error.detail;
    return;
  }
  deployment.trouble = fact.error.detail + "; it is tried again";
  deployment.work_at = now + std::max<Duration>(restart_delay(deployment.work_failures),
                                                std::chrono::milliseconds(500));
}

void on(World& world, const ProgressRecorded& fact, TimePoint now) {
  DeploymentWorld& deployment =
      instance_of(world, fact.change.instance_id, now).deployments[fact.change.deployment_id];
  deployment.recording_progress = false;
  if (fact.ok)
    deployment.found.reset();
  else
    deployment.work_at = now + kRecordAgain;
}

void on(World& world, const RolloutRecorded& fact, TimePoint now) {
  DeploymentWorld& deployment =
      instance_of(world, fact.change.instance_id, now).deployments[fact.change.deployment_id];
  deployment.recording_rollout = false;
  if (!fact.ok) deployment.rollout_at = now + kRecordAgain;
}

void on(World& world, const ScaleRecorded& fact, TimePoint now) {
  DemandWorld& demand = instance_of(world, fact.change.instance_id, now).demand;
  demand.recording = false;
  demand.more_since.reset();
  demand.fewer_since.reset();
  if (!fact.ok) demand.record_at = now + kRecordAgain;
}

void on(World& world, const StatusRecorded& fact, TimePoint now) {
  InstanceWorld& instance = instance_of(world, fact.change.instance_id, now);
  DeploymentWorld& deployment = instance.deployments[fact.change.deployment_id];
  deployment.recording.reset();
  if (!fact.ok) deployment.record_at = now + kRecordAgain;
}

}  // namespace gantry
