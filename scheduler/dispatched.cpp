// The marks that actions leave, and how they read in the log.
#include <fmt/format.h>

#include "scheduler/mutation.hpp"
#include "scheduler/world.hpp"

namespace gantry {
namespace {

ReplicaWorld& replica_of(World& world, const InstanceId& instance, const ReplicaKey& key) {
  ReplicaWorld& replica = world.instances[instance].replicas[key];
  replica.key = key;
  return replica;
}

void mark(World& world, const Start& action, TimePoint) {
  ReplicaWorld& replica = replica_of(world, action.spec.instance_id, action.spec.key);
  if (!mutated(Mutation::mark_missing)) replica.busy = Busy::starting;
  if (!mutated(Mutation::proof_of_earlier_run)) replica.proof.reset();
  replica.volumes.clear();
  for (const Mount& mount : action.spec.mounts) replica.volumes.push_back(mount.volume_id);
  replica.counted_exit.reset();  // another run, another exit
  replica.seen_meanwhile.reset();
}
void mark(World& world, const Stop& action, TimePoint) {
  ReplicaWorld& replica = replica_of(world, action.instance_id, action.proof.key());
  replica.busy = Busy::stopping;
  replica.stop_asked = true;
}
void mark(World& world, const Remove& action, TimePoint) {
  replica_of(world, action.instance_id, action.key).busy = Busy::removing;
}
void mark(World& world, const SetRoute& action, TimePoint) {
  world.instances[action.route.instance_id].requested = action.route;
}
void mark(World& world, const Drain& action, TimePoint) {
  replica_of(world, action.instance_id, action.key).busy = Busy::draining;
}
void mark(World& world, const Probe& action, TimePoint) {
  replica_of(world, action.instance_id, action.key).probing = true;
}
DeploymentWorld& deployment_at(World& world, const InstanceId& instance, const DeploymentId& id) {
  return world.instances[instance].deployments[id];
}
void mark(World& world, const Prepare& action, TimePoint) {
  deployment_at(world, action.order.instance_id, action.order.deployment_id).work = Work::preparing;
}
void mark(World& world, const Build& action, TimePoint) {
  deployment_at(world, action.order.instance_id, action.order.deployment_id).work = Work::building;
}
void mark(World& world, const RunOnce& action, TimePoint) {
  deployment_at(world, action.spec.instance_id, action.spec.deployment_id).work = Work::running;
}
void mark(World& world, const Cancel& action, TimePoint) {
  deployment_at(world, action.instance_id, action.deployment_id).cancelling = true;
}
void mark(World& world, const RecordProgress& action, TimePoint) {
  deployment_at(world, action.change.instance_id, action.change.deployment_id).recording_progress =
      true;
}
void mark(World& world, const RecordStatus& action, TimePoint now) {
  InstanceWorld& instance = world.instances[action.change.instance_id];
  DeploymentWorld& deployment = instance.deployments[action.change.deployment_id];
  deployment.recording = action.change.status;
  if (action.change.status == DeploymentStatus::sleeping) instance.demand.wake_asked = false;
  const Deployment* known = deployment_of(instance, action.change.deployment_id);
  const bool starts = known != nullptr && known->progress.done();
  if (starts && action.change.status == DeploymentStatus::deploying && !deployment.window_from)
    deployment.window_from = now;
}
void mark(World& world, const RecordRollout& action, TimePoint) {
  deployment_at(world, action.change.instance_id, action.change.deployment_id).recording_rollout =
      true;
}
void mark(World& world, const RecordScale& action, TimePoint) {
  world.instances[action.change.instance_id].demand.recording = true;
}
void mark(World& world, const RecordReplica& action, TimePoint) {
  replica_of(world, action.replica.instance_id, action.replica.key).recording = true;
}

std::string line(const Start& a) {
  return fmt::format("start replica={} image={}", a.spec.key.id(), a.spec.image);
}
std::string line(const Stop& a) {
  return fmt::format("stop replica={} grace_seconds={}", a.proof.key().id(), a.grace.count());
}
std::string line(const Remove& a) { return fmt::format("remove replica={}", a.key.id()); }
std::string line(const SetRoute& a) {
  std::string text =
      fmt::format("route instance={} hosts={}", a.route.instance_id.str(), a.route.hosts.size());
  if (a.route.tcp_proxy) text += fmt::format(" tcp_port={}", a.route.tcp_proxy->port);
  for (const RouteBackend& backend : a.route.backends)
    text += fmt::format(" {}={}",
                        backend.draining     ? "draining"
                        : backend.weight > 0 ? "serving"
                                             : "standby",
                        backend.key.id());
  return text;
}
std::string line(const Drain& a) { return fmt::format("drain replica={}", a.key.id()); }
std::string line(const Probe& a) {
  return fmt::format("probe replica={} address={}", a.key.id(), a.target.address.str());
}
std::string line(const Prepare& a) {
  return fmt::format("prepare deployment={} archive={}", a.order.deployment_id.str(),
                     a.order.archive);
}
std::string line(const Build& a) {
  return fmt::format("build deployment={}", a.order.deployment_id.str());
}
std::string line(const RunOnce& a) {
  return fmt::format("run deployment={} image={}", a.spec.deployment_id.str(), a.spec.image);
}
std::string line(const Cancel& a) {
  return fmt::format("cancel deployment={}", a.deployment_id.str());
}
std::string line(const RecordProgress& a) {
  return fmt::format("record deployment={} prepared={} image={} pre_deployed={}",
                     a.change.deployment_id.str(), a.change.progress.prepared,
                     a.change.progress.image, a.change.progress.pre_deployed);
}
std::string line(const RecordStatus& a) {
  return fmt::format("record deployment={} status={} reason=\"{}\"", a.change.deployment_id.str(),
                     name(a.change.status), a.change.reason);
}
std::string line(const RecordRollout& a) {
  return fmt::format("record deployment={} step={} acknowledged={} message=\"{}\"",
                     a.change.deployment_id.str(), a.change.step, a.change.since.has_value(),
                     a.change.message);
}
std::string line(const RecordScale& a) {
  return fmt::format("record instance={} replicas={} reason=\"{}\"", a.change.instance_id.str(),
                     a.change.replicas, a.change.reason);
}
std::string line(const RecordReplica& a) {
  return fmt::format("record replica={} status={} ready={}", a.replica.key.id(),
                     name(a.replica.status), a.replica.ready);
}

}  // namespace

void dispatched(World& world, const Action& action, TimePoint now) {
  std::visit([&](const auto& one) { mark(world, one, now); }, action);
}

std::string describe(const Action& action) {
  return std::visit([](const auto& one) { return line(one); }, action);
}

}  // namespace gantry
