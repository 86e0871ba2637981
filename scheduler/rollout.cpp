#include "scheduler/rollout.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "scheduler/judge.hpp"
#include "scheduler/mutation.hpp"

namespace gantry {
namespace {

constexpr double kLastLook = 0.01;  // significance

const DeploymentWorld& known(const InstanceWorld& instance, const DeploymentId& id) {
  static const DeploymentWorld nothing;
  const auto found = instance.deployments.find(id);
  return found == instance.deployments.end() ? nothing : found->second;
}

const RolloutSettings& rollout_of(const Deployment& deployment) {
  return deployment.settings.deploy.rollout;
}

bool is_canary_step(const Deployment& candidate) {
  return rollout_of(candidate).strategy == Strategy::canary &&
         step_of(candidate) < last_step(candidate);
}

// Whether the moment of the edge's word matters to anything.
bool needs_since(const Deployment& candidate) {
  const RolloutSettings& rollout = rollout_of(candidate);
  return rollout.strategy == Strategy::blue_green || rollout.observe_seconds > 0 ||
         is_canary_step(candidate);
}

std::string step_text(const Deployment& candidate, int step) {
  return fmt::format("canary step {} of {}: {} % of the requests", step + 1,
                     last_step(candidate) + 1, percent_in(candidate, step));
}

std::string ready_text(const InstanceWorld& instance) {
  return std::string(kReadyForPromotion) + " at " + instance.desired->preview_host;
}

std::uint64_t requests_of(const InstanceWorld& instance, const Deployment& candidate) {
  return known(instance, candidate.id).measured.requests;
}

// The stable version had at least a quarter of what its share would have been: one that was away
// most of the time is nothing to compare with.
bool is_comparable(const InstanceWorld& instance, const Deployment& candidate) {
  const Deployment* stable = success_of(instance);
  const int percent = percent_in(candidate, step_of(candidate));
  if (stable == nullptr || percent <= 0) return true;
  const auto share = static_cast<std::uint64_t>(100 - percent);
  return known(instance, stable->id).measured.requests * 4 * static_cast<std::uint64_t>(percent) >=
         requests_of(instance, candidate) * share;
}

bool has_enough(const InstanceWorld& instance, const Deployment& candidate) {
  if (!rollout_of(candidate).judge || instance.desired->hosts.empty()) return true;
  return requests_of(instance, candidate) >=
             static_cast<std::uint64_t>(rollout_of(candidate).min_requests) &&
         is_comparable(instance, candidate);
}

// While a step goes on it is looked at again and again, and only what is all but certain ends it;
// before the next one, once, what is likely.
std::string verdict_of_edge(const InstanceWorld& instance, const Roles& roles, TimePoint since,
                            TimePoint now) {
  const Deployment& candidate = *roles.candidate;
  const RolloutSettings& rollout = rollout_of(candidate);
  if (!rollout.judge || mutated(Mutation::judge_ignored)) return "";
  const bool last_look = rollout.automatic && candidate.rollout.order == RolloutOrder::none &&
                         now >= since + Seconds(rollout.interval_seconds) &&
                         has_enough(instance, candidate);
  JudgeOptions options;
  if (last_look) options.significance = kLastLook;
  return judge(known(instance, roles.active->id).measured, known(instance, candidate.id).measured,
               options);
}

}  // namespace

int last_step(const Deployment& deployment) {
  switch (rollout_of(deployment).strategy) {
    case Strategy::rolling:
    case Strategy::recreate:
      return 0;
    case Strategy::blue_green:
      return 1;
    case Strategy::canary:
      return std::max(static_cast<int>(rollout_of(deployment).steps.size()) - 1, 0);
  }
  return 0;
}

int step_of(const Deployment& deployment) {
  const int last = last_step(deployment);
  if (deployment.rollout.order == RolloutOrder::promote) return last;
  return std::clamp(deployment.rollout.step, 0, last);
}

std::optional<TimePoint> since_of(const Deployment& deployment) {
  if (deployment.rollout.step != step_of(deployment)) return std::nullopt;
  return deployment.rollout.since;
}

int percent_in(const Deployment& deployment, int step) {
  if (step >= last_step(deployment)) return 100;
  if (rollout_of(deployment).strategy != Strategy::canary) return 0;
  return rollout_of(deployment).steps[static_cast<std::size_t>(step)];
}

int replicas_in(const Deployment& deployment, int step) {
  const int all = deployment.settings.deploy.replicas;
  if (rollout_of(deployment).strategy != Strategy::canary || step >= last_step(deployment))
    return all;
  return std::min(all, std::max(1, (all * percent_in(deployment, step) + 99) / 100));
}

int replicas_now(const Roles& roles) {
  const Deployment& candidate = *roles.candidate;
  return roles.fallback ? replicas_in(candidate, step_of(candidate))
                        : candidate.settings.deploy.replicas;
}

int surge_of(const DeploySettings& deploy) {
  const int surge = (deploy.replicas * deploy.rollout.max_surge_percent + 99) / 100;
  return surge == 0 && unavailable_of(deploy) == 0 ? 1 : surge;
}

int unavailable_of(const DeploySettings& deploy) {
  return deploy.replicas * deploy.rollout.max_unavailable_percent / 100;
}

bool at_once(const DeploySettings& deploy) {
  return surge_of(deploy) >= deploy.replicas && unavailable_of(deploy) == 0;
}

namespace {

// It has taken over, done its work and ended by itself, and people were told: nothing comes in its
// place.
bool has_done_its_part(const ReplicaWorld& replica) {
  return replica.completed && replica.served && replica.recorded &&
         replica.recorded->status == ReplicaStatus::exited;
}

}  // namespace

TakeOver take_over(const World& world, const InstanceWorld& instance, const Revision& from,
                   const Revision& to, const DeploySettings& pace, TimePoint now) {
  DeploySettings deploy = pace;
  deploy.replicas = replicas_of(instance, to.deployment_id);
  const int replicas = deploy.replicas, before = replicas_of(instance, from.deployment_id);
  std::vector<std::pair<bool, int>> old;  // not ready, ordinal: the best first
  int ready_to = 0, last_to = -1;
  for (const auto& [key, replica] : instance.replicas) {
    const bool exists = replica.container || replica.busy != Busy::none;
    const bool ready = is_ready(world, replica, now) && !replica.stop_asked;
    if (key.deployment_id == from.deployment_id && key.epoch == from.epoch && exists)
      old.emplace_back(!ready, key.ordinal);
    if (key.deployment_id == to.deployment_id && key.epoch == to.epoch) {
      if (exists) last_to = std::max(last_to, key.ordinal);
      if (key.ordinal < replicas && has_done_its_part(replica))
        ++ready_to;
      else if (ready && key.ordinal < replicas &&
               (replica.container->port_mode == PortMode::none || !replica.ready ||
                instance.acknowledged(key)))
        ++ready_to;
    }
  }
  std::sort(old.begin(), old.end());
  const int short_of = unavailable_of(deploy) + (mutated(Mutation::keeps_one_too_few) ? 1 : 0);
  const int keep = std::clamp(replicas - short_of - ready_to, 0, replicas);
  TakeOver out;
  for (const auto& [unready, ordinal] : old)
    if (static_cast<int>(out.from.size()) < keep) out.from.insert(ordinal);
  // What is missing of the promise is made up for.
  for (int ordinal = 0; ordinal < before; ++ordinal)
    if (static_cast<int>(out.from.size()) < keep) out.from.insert(ordinal);
  const int held = static_cast<int>(std::max(old.size(), out.from.size()));
  const int room = std::clamp(replicas + surge_of(deploy) - held, 0, replicas);
  for (int ordinal = 0; ordinal < std::min(replicas, std::max(room, last_to + 1)); ++ordinal)
    out.to.insert(ordinal);
  return out;
}

bool step_stands(const World& world, const InstanceWorld& instance, const Roles& roles,
                 TimePoint now) {
  const Deployment& candidate = *roles.candidate;
  const Revision to{candidate.id, starting_epoch(instance, candidate)};
  if (!all_ready(world, instance, to, replicas_now(roles), now)) return false;
  if (mutated(Mutation::step_without_edge)) return true;
  if (instance.requested || instance.route_failures > 0 ||
      !same_route(wanted_route(world, instance, roles), instance.applied))
    return false;
  const int percent = roles.fallback ? percent_in(candidate, step_of(candidate)) : 100;
  if (percent == 0) return roles.preview == to;
  if (percent == 100) return roles.serving.size() == 1 && roles.serves(to);
  return roles.serving.size() == 2 && roles.serving.back().revision == to &&
         roles.serving.back().percent == percent;
}

std::optional<RolloutChange> next_rollout(const World& world, const InstanceWorld& instance,
                                          const Roles& roles, TimePoint now,
                                          std::optional<TimePoint>& wake_at) {
  if (roles.candidate == nullptr || !roles.fallback ||
      roles.candidate->status != DeploymentStatus::deploying || !needs_since(*roles.candidate))
    return std::nullopt;
  const Deployment& candidate = *roles.candidate;
  const DeploymentWorld& deployment = known(instance, candidate.id);
  if (deployment.recording_rollout || deployment.recording) return std::nullopt;
  const auto due = [&](TimePoint at) {
    if (now < at && (!wake_at || at < *wake_at)) wake_at = at;
    return now >= at;
  };
  if (!due(deployment.rollout_at)) return std::nullopt;
  const int step = step_of(candidate);
  const auto since = since_of(candidate);
  RolloutChange change{candidate.id, instance.id, step, now, ""};
  if (!since) {
    if (!step_stands(world, instance, roles, now)) return std::nullopt;
    if (rollout_of(candidate).strategy == Strategy::canary)
      change.message = step_text(candidate, step);
    else
      change.message = percent_in(candidate, step) == 100 ? "the new version has all the traffic"
                                                          : ready_text(instance);
    return change;
  }
  if (!is_canary_step(candidate) || candidate.rollout.order == RolloutOrder::pause ||
      !rollout_of(candidate).automatic)
    return std::nullopt;
  if (!due(*since + Seconds(rollout_of(candidate).interval_seconds)) ||
      !has_enough(instance, candidate) || !verdict_of_edge(instance, roles, *since, now).empty())
    return std::nullopt;
  change.step = step + 1;
  change.since.reset();
  change.message = fmt::format("step {} passed with {} requests of its own", step + 1,
                               requests_of(instance, candidate));
  return change;
}

std::string weakness(const InstanceWorld& instance, const Deployment& candidate, TimePoint since) {
  for (int ordinal = 0; ordinal < replicas_in(candidate, step_of(candidate)); ++ordinal) {
    const auto found =
        instance.replicas.find({candidate.id, starting_epoch(instance, candidate), ordinal});
    if (found == instance.replicas.end()) continue;
    const ReplicaWorld& replica = found->second;
    if (replica.crashed_at && !mutated(Mutation::crash_while_watched) &&
        *replica.crashed_at >= since)
      return fmt::format("replica {} {}", ordinal,
                         replica.reason.empty() ? "ended by itself" : replica.reason);
    if (replica.unready_since && *replica.unready_since >= since)
      return fmt::format("replica {} {}", ordinal,
                         replica.reason.empty() ? "became unhealthy" : replica.reason);
  }
  return "";
}

std::string setback(const World& world, const InstanceWorld& instance, const Roles& roles,
                    TimePoint now, std::optional<TimePoint>& wake_at) {
  const Deployment& candidate = *roles.candidate;
  const auto since = since_of(candidate);
  if (!roles.fallback || !since) return "";
  if (auto why = weakness(instance, candidate, *since); !why.empty()) return why;
  const RolloutSettings& rollout = rollout_of(candidate);
  const bool canary = is_canary_step(candidate);
  if (canary)
    if (auto why = verdict_of_edge(instance, roles, *since, now); !why.empty())
      return fmt::format("canary step {}: {}", step_of(candidate) + 1, why);
  std::optional<TimePoint> deadline;
  std::string late;
  if (canary && candidate.rollout.order != RolloutOrder::pause && rollout.automatic) {
    deadline = *since + world.policy.step_patience * Seconds(rollout.interval_seconds);
    if (!is_comparable(instance, candidate))
      late = fmt::format(
          "canary step {}: the stable version answered too few requests to compare with: promote "
          "it by hand, or deploy again when the stable version is well",
          step_of(candidate) + 1);
    else if (!has_enough(instance, candidate))
      late = fmt::format(
          "canary step {}: {} requests of its own within {} s, and min_requests is {}: promote it "
          "by hand, or ask for fewer",
          step_of(candidate) + 1, requests_of(instance, candidate),
          world.policy.step_patience * rollout.interval_seconds, rollout.min_requests);
  } else if (canary || percent_in(candidate, step_of(candidate)) == 0) {
    deadline = *since + world.policy.promotion_deadline;
    late = "it was not promoted within 24 hours";
  }
  if (!deadline) return "";
  if (now >= *deadline) return late;
  if (!wake_at || *deadline < *wake_at) wake_at = deadline;
  return "";
}

std::string describe_step(const InstanceWorld& instance, const Roles& roles) {
  const Deployment& candidate = *roles.candidate;
  if (!roles.fallback) return "";
  const RolloutSettings& rollout = rollout_of(candidate);
  const bool stepped = since_of(candidate).has_value();
  const int percent = percent_in(candidate, step_of(candidate));
  if (rollout.strategy == Strategy::recreate && !stepped) return kStopsFirst;
  if (!stepped) return "";
  if (percent == 0) return ready_text(instance);
  if (percent < 100)
    return step_text(candidate, step_of(candidate)) +
           (candidate.rollout.order == RolloutOrder::pause || !rollout.automatic ? ", paused" : "");
  return fmt::format("has all the traffic and is watched for {} s", rollout.observe_seconds);
}

bool observed(const Roles& roles, TimePoint now, std::optional<TimePoint>& wake_at) {
  if (!roles.fallback || !needs_since(*roles.candidate)) return true;
  if (mutated(Mutation::never_observed)) return true;
  const auto since = since_of(*roles.candidate);
  if (!since) return false;
  const TimePoint end = *since + Seconds(rollout_of(*roles.candidate).observe_seconds);
  if (now >= end) return true;
  if (!wake_at || end < *wake_at) wake_at = end;
  return false;
}

}  // namespace gantry
