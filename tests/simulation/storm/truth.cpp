// What must hold at every step, whatever goes wrong, checked against the simulation's own truth.
#include <algorithm>

#include <fmt/format.h>

#include "scheduler/rollout.hpp"
#include "tests/simulation/storm/storm.hpp"

namespace gantry::storm {
namespace {

constexpr Duration kTrouble = Seconds(60);    // that long a fault explains what it hit
constexpr Duration kReaction = Seconds(120);  // until what does not answer is out of the rotation

bool is_up(const std::map<ReplicaKey, Container>& containers, const ReplicaKey& key) {
  const auto found = containers.find(key);
  return found != containers.end() && found->second.state == ContainerState::running;
}

template <class Deployments, class F>
int promise_of(const Deployments& deployments, bool restarts, F get) {
  int replicas = 0, unavailable = 0;
  bool any = false, serves = false;
  DeploymentId newest;
  for (const auto& one : deployments) {
    const Deployment& deployment = get(one);
    const DeploySettings& deploy = deployment.settings.deploy;
    unavailable = std::max(unavailable, deploy.rollout.max_unavailable_percent);
    const bool recreates = deploy.rollout.strategy == Strategy::recreate;
    if (recreates && (restarts || (is_live(deployment.status) && !has_served(deployment.status))))
      return 0;
    if (has_served(deployment.status) && newest < deployment.id) {
      newest = deployment.id;
      serves = deployment.status == DeploymentStatus::success;
    }
    if (deployment.status != DeploymentStatus::success) continue;
    replicas = any ? std::min(replicas, deploy.replicas) : deploy.replicas;
    any = true;
  }
  return serves ? replicas - replicas * unavailable / 100 : 0;
}

}  // namespace

bool Storm::healthy(const Container& container) const {
  if (container.state != ContainerState::running) return false;
  const Deployment* deployment = ledger_.deployment(container.key.deployment_id);
  if (deployment == nullptr || app_of(*deployment) == App::mute) return false;
  const auto truth = truth_.find(container.key);
  return truth == truth_.end() || !truth->second.sick;
}

std::map<ReplicaKey, Container> Storm::containers() const {
  std::map<ReplicaKey, Container> all;
  for (Container& one : engine_.all()) all.emplace(one.key, std::move(one));
  return all;
}

std::set<ReplicaKey> Storm::rotation(const InstanceId& id) const {
  std::set<ReplicaKey> keys;
  const auto route = edge_.live().routes().find(id);
  if (route == edge_.live().routes().end()) return keys;
  for (const RouteBackend& backend : route->second.route.backends)
    if (is_serving(backend)) keys.insert(backend.key);
  return keys;
}

// Told to people: the restart policy is used up, or it ended by itself.
int Storm::over(const Row& row) const {
  const Deployment* active = row.active();
  int count = 0;
  for (int ordinal = 0; active != nullptr && ordinal < active->settings.deploy.replicas; ++ordinal)
    for (int epoch = 0; epoch <= row.base.epoch; ++epoch)
      if (const auto told = ledger_.replicas.find({active->id, epoch, ordinal});
          told != ledger_.replicas.end() && (told->second.status == ReplicaStatus::crashed ||
                                             told->second.status == ReplicaStatus::exited))
        ++count;
  return count;
}

// How many replicas people were promised: none while the strategy is to interrupt.
int Storm::promise(const Row& row) const {
  if (row.erased || row.plain()) return 0;
  const auto keys = rotation(row.base.instance_id);
  const bool restarts = std::any_of(
      keys.begin(), keys.end(), [&](const ReplicaKey& key) { return key.epoch != row.base.epoch; });
  const int all = promise_of(
      row.deployments, restarts, [](const auto& one) -> const auto& { return one; });
  return std::max(0, all - over(row));
}

int Storm::promise(const Desired& desired) const {
  return promise_of(
      desired.deployments, false, [](const auto& one) -> auto& { return *one; });
}

// What was asked a moment ago may still be on its way.
void Storm::lower_promises() {
  for (const auto& [id, row] : ledger_.rows) {
    int present = promise(row);
    for (const Daemon& daemon : daemons_)
      if (const auto known = daemon.memory.find(id); daemon.up && known != daemon.memory.end())
        present = std::min(present, known->second ? promise(*known->second) : 0);
    auto& [low, until] = low_promise_[id];
    if (present <= low || now_ > until) {
      low = present;
      until = now_ + Seconds(30);
    }
  }
}

bool Storm::was_steady(const ReplicaKey& key, Duration span) const {
  const auto found = truth_.find(key);
  return found == truth_.end() || !found->second.trouble_at ||
         now_ - *found->second.trouble_at > span;
}

bool Storm::disturbed(Duration span) const {
  return disturbed_at_ >= Duration(0) && now_ - disturbed_at_ <= span;
}

Storm::Before Storm::look_before(const Daemon&) {
  lower_promises();
  Before before;
  for (const auto& [id, row] : ledger_.rows) before.rotation[id] = rotation(id);
  for (const auto& [host, id] : edge_.live().hosts()) before.hosts.insert(host);
  return before;
}

void Storm::check_entering(const ReplicaKey& key, const std::map<ReplicaKey, Container>& all) {
  Truth& truth = truth_[key];
  truth.left_at.reset();
  truth.drained_at.reset();
  const bool proved = truth.proved_at.has_value() && is_up(all, key);
  // What has hit it is found out while a daemon leads and everything answers.
  const bool explained =
      truth.trouble_at && now_ - std::max(*truth.trouble_at, fit_since_) <= Seconds(15);
  if (!proved && !explained) broke("routed before it was ready", key.id());
}

void Storm::check_hosts(const Before& before, const char* deed) {
  for (const auto& [id, row] : ledger_.rows) {
    if (row.erased) continue;
    for (const std::string& host : row.base.hosts)
      if (before.hosts.contains(host) && !edge_.live().hosts().contains(host))
        broke("a host is nowhere", fmt::format("{} after {}", host, deed));
  }
}

// A deed must not take so many healthy replicas out of the rotation that fewer than promised are
// left. What was hit by a fault of late counts as healthy afterwards and as nothing before.
void Storm::check_change(Daemon&, const Before& before, const char* deed) {
  const auto all = containers();
  check_hosts(before, deed);
  for (const auto& [id, row] : ledger_.rows) {
    const auto was = before.rotation.find(id);
    const std::set<ReplicaKey> none, is = rotation(id);
    const std::set<ReplicaKey>& old = was == before.rotation.end() ? none : was->second;
    for (const ReplicaKey& key : is)
      if (!old.contains(key)) check_entering(key, all);
    int least = 0, left = 0;
    bool taken = false;
    for (const ReplicaKey& key : old) {
      const auto container = all.find(key);
      const Deployment* own = ledger_.deployment(key.deployment_id);
      const bool given_up = own != nullptr && !is_live(own->status) &&
                            own->settings.deploy.rollout.strategy == Strategy::canary;
      const bool sound = container != all.end() && healthy(container->second) &&
                         was_steady(key, kTrouble) && !given_up;
      least += sound ? 1 : 0;
      if (is.contains(key)) continue;
      truth_[key].left_at = now_;
      truth_[key].drained_at.reset();
      taken = taken || sound;
    }
    for (const ReplicaKey& key : is) {
      const auto container = all.find(key);
      const bool fine = container != all.end() && healthy(container->second);
      left += fine || !was_steady(key, kTrouble) ? 1 : 0;
    }
    const int promised = std::min(promise(row), low_promise_[id].first);
    if (taken && left < std::min(least, promised))
      broke("fewer than promised",
            fmt::format("{} has {} of {} after {}", row.base.service, left, promised, deed));
  }
}

void Storm::check_stop(Daemon& daemon, const Stop& stop) {
  const ReplicaKey key = stop.proof.key();
  const auto container = engine_.find(key);
  if (!container || container->state != ContainerState::running) return;
  if (const auto orphan = orphans_.find(key); orphan != orphans_.end())
    if (now_ - orphan->second < Seconds(295) && jumped_at_ < orphan->second)
      broke("an orphan is stopped within its grace", key.id());
  const auto placed = edge_.live().find(key);
  if (placed.backend != nullptr && is_serving(*placed.backend))
    broke("stopped while it is routed", key.id());
  const Truth& truth = truth_[key];
  if (truth.left_at && (!truth.drained_at || *truth.drained_at < *truth.left_at))
    broke("stopped without a proof of its drain", key.id());
  const Row* row = ledger_.row(stop.instance_id);
  const Deployment* deployment = ledger_.deployment(key.deployment_id);
  if (row == nullptr || deployment == nullptr || row->erased) return;
  const Duration drain = Seconds(deployment->settings.deploy.traffic.drain_seconds);
  if (truth.left_at && truth.sessions > 0 && placed.backend != nullptr &&
      now_ - *truth.left_at < drain - Seconds(1) && !disturbed(kTrouble))
    broke("sessions are cut", key.id());
  const Deployment* active = row->active();
  const auto memory = daemon.memory.find(stop.instance_id);
  if (active == nullptr || memory == daemon.memory.end() ||
      memory->second != ledger_.desired(stop.instance_id) || row->candidate() != nullptr)
    return;
  const RolloutSettings& rollout = active->settings.deploy.rollout;
  const bool kept = deployment->status == DeploymentStatus::success &&
                    active->id != deployment->id && rollout.strategy == Strategy::blue_green &&
                    active->rollout.since;
  if (kept && clock_.now() < *active->rollout.since + Seconds(rollout.keep_seconds - 1) &&
      was_steady(key, kTrouble) && key.epoch == row->base.epoch &&
      key.ordinal < deployment->settings.deploy.replicas && now_ - jumped_at_ > Seconds(120))
    broke("the kept version is stopped", key.id());
}

// A blue-green take-over keeps the version before it for a while, unless a newer one comes.
void Storm::check_given_up(const Row& row, const Deployment& deployment) {
  const Deployment* active = row.active();
  if (active == nullptr || row.deployments.back().id != active->id ||
      !(deployment.id < active->id) || now_ - jumped_at_ < Seconds(120))
    return;
  const RolloutSettings& rollout = active->settings.deploy.rollout;
  const bool keeps = rollout.strategy == Strategy::blue_green && active->rollout.since;
  if (keeps && clock_.now() + Seconds(15) < *active->rollout.since + Seconds(rollout.keep_seconds))
    broke("the kept version is given up", deployment.id.str());
}

void Storm::check_status(Daemon&, const StatusChange& change) {
  const Row* row = ledger_.row(change.instance_id);
  const Deployment* deployment = ledger_.deployment(change.deployment_id);
  if (row == nullptr || deployment == nullptr || deployment->status != change.status) return;
  if (change.status == DeploymentStatus::removing) return check_given_up(*row, *deployment);
  const DeploySettings& deploy = deployment->settings.deploy;
  if (change.status == DeploymentStatus::sleeping && row->load > 0 && !disturbed(kTrouble) &&
      row->asked_at > Duration(0) &&
      now_ - row->asked_at < Seconds(deploy.sleep.idle_seconds - 12) &&
      clock_.now() - deployment->updated_at < Seconds(5))
    if (row->busy_since && now_ - *row->busy_since > Seconds(15))
      broke("it sleeps while it is asked", row->base.service);
  if (change.status != DeploymentStatus::success || row->alone.contains(deployment->id)) return;
  if (deployment->succeeded_at) return;
  const bool watched =
      deploy.rollout.strategy == Strategy::blue_green || deploy.rollout.observe_seconds > 0;
  if (!watched || now_ - jumped_at_ < Seconds(240)) return;
  const auto since = deployment->rollout.since;
  if (!since || clock_.now() < *since + Seconds(deploy.rollout.observe_seconds))
    broke("success before it was watched", deployment->id.str());
  for (int ordinal = 0; since && ordinal < deploy.replicas; ++ordinal) {
    const ReplicaKey key{deployment->id, row->base.epoch, ordinal};
    if (const auto told = ledger_.replicas.find(key);
        told != ledger_.replicas.end() && told->second.status == ReplicaStatus::running &&
        told->second.exited_at > since)
      broke("success although a crash is recorded", key.id());
    const auto truth = truth_.find(key);
    if (truth == truth_.end() || !truth->second.crashed_at || disturbed(kTrouble)) continue;
    const TimePoint at = *truth->second.crashed_at;
    if (at > *since && clock_.now() - at > Seconds(5))
      broke("success although it crashed", truth->first.id());
  }
}

// The edge's word comes before the record of it.
void Storm::check_rollout(const RolloutChange& change) {
  const Row* row = ledger_.row(change.instance_id);
  const Deployment* deployment = ledger_.deployment(change.deployment_id);
  if (!change.since || row == nullptr || deployment == nullptr || row->plain() ||
      !is_live(deployment->status) || row->alone.contains(deployment->id) || disturbed(kTrouble))
    return;
  const int percent = percent_in(*deployment, change.step);
  bool own = false, other = false, troubled = false;
  for (const ReplicaKey& key : rotation(change.instance_id)) {
    troubled = troubled || !was_steady(key, kTrouble);
    (key.deployment_id == deployment->id ? own : other) = true;
  }
  for (const auto& [key, truth] : truth_)  // it may be out of the rotation by now
    troubled = troubled || (key.deployment_id == deployment->id && !was_steady(key, kTrouble));
  if (troubled) return;
  if (percent > 0 && !own) broke("a step without the edge", deployment->id.str());
  if (percent == 100 && other) broke("the last step without the edge", deployment->id.str());
}

// Each second: nobody's requests go to what does not answer for long.
void Storm::check_reaction() {
  const auto all = containers();
  for (const auto& [id, row] : ledger_.rows)
    for (const ReplicaKey& key : row.erased ? std::set<ReplicaKey>() : rotation(id)) {
      Truth& truth = truth_[key];
      const auto container = all.find(key);
      if (container != all.end() && healthy(container->second)) {
        truth.down_at.reset();
      } else if (!truth.down_at) {
        truth.down_at = now_;
      } else if (now_ - std::max({*truth.down_at, fit_since_, jumped_at_ + Seconds(120)}) >
                 kReaction) {
        broke("requests go to what does not answer", key.id());
      }
    }
}

// A canary gets no more than its step's share.
void Storm::check_shares() {
  for (const auto& [id, row] : ledger_.rows) {
    const Deployment* candidate = row.candidate();
    if (candidate == nullptr || row.alone.contains(candidate->id) || row.erased ||
        candidate->settings.deploy.rollout.strategy != Strategy::canary ||
        candidate->rollout.order == RolloutOrder::promote)
      continue;
    const int step = step_of(*candidate);
    if (step == last_step(*candidate)) continue;
    int own = 0, whole = 0;
    bool troubled = false;
    const auto route = edge_.live().routes().find(id);
    if (route == edge_.live().routes().end()) continue;
    for (const RouteBackend& backend : route->second.route.backends) {
      troubled = troubled || !was_steady(backend.key, kTrouble);
      if (!is_serving(backend)) continue;
      whole += backend.weight;
      if (backend.key.deployment_id == candidate->id) own += backend.weight;
    }
    if (own == whole) continue;  // nobody else is left
    if (!troubled && own * 100 > whole * (percent_in(*candidate, step) + 3))
      broke("a canary gets too much", fmt::format("{} {} of {}", candidate->id.str(), own, whole));
  }
}

}  // namespace gantry::storm
