// From a source to replicas that may start: prepare, build, run the pre-deploy command. Each step
// is recorded before the next begins.
#include <algorithm>

#include "scheduler/mutation.hpp"
#include "scheduler/plan.hpp"

namespace gantry {
namespace {

const DeploymentWorld& known(const InstanceWorld& instance, const DeploymentId& id) {
  static const DeploymentWorld nothing;
  const auto found = instance.deployments.find(id);
  return found == instance.deployments.end() ? nothing : found->second;
}

// Whose pre-deploy command runs in this environment now, but for one deployment: two at once would
// migrate one database at the same time. Null: nobody's. What an earlier daemon left is known to
// the engine, which refuses.
const Desired* who_migrates(const World& world, const InstanceWorld& instance,
                            const DeploymentId& but) {
  for (const auto& [id, other] : world.instances) {
    if (!other.desired || other.desired->environment_id != instance.desired->environment_id)
      continue;
    for (const auto& [deployment, known] : other.deployments)
      if (deployment != but && known.work == Work::running) return other.desired.get();
  }
  return nullptr;
}

bool migrates_next(const Deployment& candidate) {
  const BuildProgress& progress = candidate.progress;
  return progress.prepared && !progress.image.empty() && !progress.pre_deployed;
}

PrepareOrder prepare_order(const Desired& desired, const Roles& roles,
                           const Deployment& deployment) {
  PrepareOrder order{.deployment_id = deployment.id,
                     .instance_id = desired.instance_id,
                     .project_id = desired.project_id,
                     .archive = deployment.settings.source.archive,
                     .compared_with = {},
                     .environment = desired.environment,
                     .service = desired.service,
                     .settings = deployment.settings,
                     .once = deployment.once,
                     .neighbours = desired.neighbours,
                     .mount_paths = {}};
  for (const Mount& mount : desired.mounts) order.mount_paths.push_back(mount.path);
  // Who deploys anew without a new source wants it done.
  const bool is_new = deployment.trigger == "deploy" || deployment.trigger == "push";
  if (roles.active != nullptr && is_new)
    order.compared_with = roles.active->settings.source.archive;
  return order;
}

BuildOrder build_order(const Desired& desired, const Deployment& deployment) {
  return {.deployment_id = deployment.id,
          .instance_id = desired.instance_id,
          .project_id = desired.project_id,
          .archive = deployment.settings.source.archive,
          .service = desired.service,
          .settings = deployment.settings,
          .variables = deployment.variables};
}

std::optional<Action> next_step(const World& world, const InstanceWorld& instance,
                                const Roles& roles, const Deployment& candidate) {
  const BuildProgress& progress = candidate.progress;
  if (!progress.prepared) return Prepare{prepare_order(*instance.desired, roles, candidate)};
  if (!world.engine_up) return std::nullopt;
  if (progress.image.empty()) return Build{build_order(*instance.desired, candidate), progress};
  return RunOnce{run_spec(*instance.desired, candidate), progress};
}

void step(const World& world, const InstanceWorld& instance, const Roles& roles,
          const Deployment& candidate, TimePoint now, Plan& plan) {
  const DeploymentWorld& deployment = known(instance, candidate.id);
  if (deployment.work != Work::none || deployment.recording_progress) return;
  if (!deployment.failure.empty() || !deployment.skip_reason.empty()) return;
  if (now < deployment.work_at) {
    plan.wake_at = std::min(plan.wake_at.value_or(deployment.work_at), deployment.work_at);
    return;
  }
  if (deployment.found) {
    plan.actions.emplace_back(RecordProgress{*deployment.found});
  } else if (migrates_next(candidate) && who_migrates(world, instance, candidate.id) != nullptr) {
    const TimePoint look = now + world.policy.turn_look;
    plan.wake_at = std::min(plan.wake_at.value_or(look), look);
  } else if (!candidate.progress.done()) {
    if (auto action = next_step(world, instance, roles, candidate))
      plan.actions.push_back(std::move(*action));
  }
}

}  // namespace

void advance(const World& world, const InstanceWorld& instance, const Roles& roles, TimePoint now,
             Plan& plan) {
  for (const auto& [id, deployment] : instance.deployments) {
    const bool waited_for = roles.candidate != nullptr && roles.candidate->id == id;
    if (deployment.work != Work::none && !waited_for && !deployment.cancelling &&
        !mutated(Mutation::work_not_cancelled))
      plan.actions.emplace_back(Cancel{instance.id, id, deployment.work});
  }
  if (roles.candidate != nullptr) step(world, instance, roles, *roles.candidate, now, plan);
}

std::optional<StatusChange> derive_progress(const World& world, const InstanceWorld& instance,
                                            const Deployment& candidate) {
  const DeploymentWorld& deployment = known(instance, candidate.id);
  const auto change = [&](DeploymentStatus status, const std::string& reason) {
    std::optional<StatusChange> out;
    if (candidate.status != status || candidate.reason != reason)
      out = StatusChange{candidate.id, instance.id, status, reason};
    return out;
  };
  if (!deployment.failure.empty()) return change(DeploymentStatus::failed, deployment.failure);
  if (!deployment.skip_reason.empty())
    return change(DeploymentStatus::skipped, deployment.skip_reason);
  if (!candidate.progress.prepared)
    return change(DeploymentStatus::initializing, deployment.trouble);
  if (candidate.progress.image.empty())
    return change(DeploymentStatus::building, deployment.trouble);
  if (const Desired* other = who_migrates(world, instance, candidate.id);
      other != nullptr && deployment.work == Work::none)
    return change(DeploymentStatus::deploying,
                  "waits for the pre-deploy command of " + other->service + " to end");
  return change(DeploymentStatus::deploying,
                deployment.trouble.empty() ? "runs its pre-deploy command" : deployment.trouble);
}

}  // namespace gantry
