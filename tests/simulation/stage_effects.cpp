// The simulated hands: each effect has a boundary before and after, where the daemon may die.
#include <algorithm>

#include "proto/transitions.hpp"
#include "tests/simulation/stage.hpp"

namespace gantry::tests {

// False: it is another action.
bool Stage::record(const Action& action, std::vector<Fact>& answers) {
  if (const auto* status = std::get_if<RecordStatus>(&action)) {
    write(status->change);
    answers.push_back(
        DesiredChanged{status->change.instance_id, desired(status->change.instance_id)});
    answers.push_back(StatusRecorded{status->change, true});
  } else if (const auto* rollout = std::get_if<RecordRollout>(&action)) {
    write(rollout->change);
    answers.push_back(
        DesiredChanged{rollout->change.instance_id, desired(rollout->change.instance_id)});
    answers.push_back(RolloutRecorded{rollout->change, true});
  } else if (const auto* scaled = std::get_if<RecordScale>(&action)) {
    scale(scaled->change.instance_id, scaled->change.replicas);
    answers.push_back(ScaleRecorded{scaled->change, true});
  } else if (const auto* one = std::get_if<RecordReplica>(&action)) {
    if (one->replica.status == ReplicaStatus::removed)
      replicas_.erase(one->replica.key);
    else
      replicas_[one->replica.key] = one->replica;
    answers.push_back(ReplicaRecorded{one->replica, true});
  } else {
    return false;
  }
  return true;
}

void Stage::perform(const Action& action) {
  boundary();
  std::vector<Fact> answers;
  if (work(action, answers) || record(action, answers)) {
    // it was a step of a build, or a write
  } else if (const auto* start = std::get_if<Start>(&action)) {
    const ContainerSpec& spec = start->spec;
    auto container = driver_.start(spec);
    if (!container && container.error().reason == "image_not_found") {
      auto pulled = driver_.pull(spec.image);
      container = pulled ? driver_.start(spec) : Result<Container>(pulled.error());
    }
    if (container)
      answers.push_back(DeedDone{spec.instance_id, spec.key, Deed::start, *container});
    else
      answers.push_back(DeedFailed{spec.instance_id, spec.key, Deed::start, container.error()});
  } else if (const auto* stop = std::get_if<Stop>(&action)) {
    const ReplicaKey key = stop->proof.key();
    for (const auto& [id, service] : services_) {
      const auto receiving = receivers(id);
      if (std::find(receiving.begin(), receiving.end(), key) != receiving.end())
        violations.push_back("stopped while it was routed: " + key.id());
    }
    if (auto done = driver_.stop(key, stop->grace, stop->proof); done)
      answers.push_back(DeedDone{stop->instance_id, key, Deed::stop, std::nullopt});
    else
      answers.push_back(DeedFailed{stop->instance_id, key, Deed::stop, done.error()});
  } else if (const auto* removal = std::get_if<Remove>(&action)) {
    if (auto done = driver_.remove(removal->key); done)
      answers.push_back(DeedDone{removal->instance_id, removal->key, Deed::remove, std::nullopt});
    else
      answers.push_back(DeedFailed{removal->instance_id, removal->key, Deed::remove, done.error()});
  } else if (const auto* set = std::get_if<SetRoute>(&action)) {
    if (auto applied = edge.apply({set->route}); applied)
      answers.push_back(RoutesApplied{applied->generation, {set->route}});
    else
      answers.push_back(RouteFailed{set->route.instance_id, applied.error().detail});
  } else if (const auto* drain = std::get_if<Drain>(&action)) {
    drains_.push_back(*drain);
  } else if (const auto* one = std::get_if<Probe>(&action)) {
    answers.push_back(ProbeFinished{one->instance_id, one->key, one->container_id, probe(*one)});
  }
  boundary();
  for (Fact& fact : answers) facts_.push_back(std::move(fact));
}

void Stage::poll_drains() {
  std::vector<Drain> left;
  for (const Drain& drain : drains_) {
    auto proof = edge.drained(drain.key, clock.now(), drain.deadlines);
    if (proof)
      facts_.push_back(Drained{drain.instance_id, *proof});
    else
      left.push_back(drain);
  }
  drains_ = std::move(left);
}

void Stage::collect_events() {
  for (const EngineEvent& event : driver_.take_events()) {
    if (!options_.events) continue;
    switch (event.kind) {
      case EngineEvent::Kind::container_changed:
        facts_.push_back(ContainerSeen{*event.container});
        break;
      case EngineEvent::Kind::container_gone:
        if (event.instance_id)
          facts_.push_back(ContainerGone{*event.key, *event.instance_id, event.container_id});
        break;
      case EngineEvent::Kind::engine_lost:
        facts_.push_back(EngineLost{});
        break;
      case EngineEvent::Kind::engine_back:
        facts_.push_back(EngineBack{});
        resync_at_ = clock.now();
        break;
    }
  }
}

// The store's rules: success moves older live ones to removing; what has ended stays ended.
void Stage::write(const StatusChange& change) {
  Service& service = services_.at(change.instance_id);
  for (Deployment& deployment : service.deployments) {
    if (deployment.id != change.deployment_id || !may_become(deployment.status, change.status))
      continue;
    deployment.status = change.status;
    deployment.reason = change.reason;
    deployment.updated_at = clock.now();
    if (change.status != DeploymentStatus::success) continue;
    for (Deployment& older : service.deployments)
      if (superseded_by_success(older, deployment.id, change.keeps))
        older.status = DeploymentStatus::removing;
  }
}

// Of one that is not on its way any more: nothing is written.
void Stage::write(const RolloutChange& change) {
  Deployment* deployment = find_deployment(change.instance_id, change.deployment_id);
  if (deployment == nullptr || !is_pending(deployment->status)) return;
  deployment->rollout.step = change.step;
  deployment->rollout.since = change.since;
}

ProbeOutcome Stage::probe(const Probe& action) const {
  const auto container = engine.find(action.key);
  if (!container || container->state != ContainerState::running)
    return {false, "connection refused"};
  App app;  // of an image that was built here
  for (const auto& [id, service] : services_)
    for (const Deployment& deployment : service.deployments)
      if (deployment.id == action.key.deployment_id && deployment.settings.source.image)
        app = apps_.at(deployment.settings.source.image->str());
  if (!app.listens || clock.now() < container->started_at + app.start_delay)
    return {false, "connection refused"};
  if (sick_.contains(action.key)) return {false, "answered 503"};
  return {true, ""};
}

// Invariants, checked against the simulator's own truth after every effect.
void Stage::check() {
  for (const auto& [id, service] : services_) {
    if (service.erased || service.desired.hosts.empty()) continue;
    int healthy = 0;
    for (const ReplicaKey& key : receivers(id)) {
      const auto container = engine.find(key);
      if (container && container->state == ContainerState::running) ++healthy;
    }
    const bool served =
        std::any_of(service.deployments.begin(), service.deployments.end(),
                    [](const Deployment& d) { return d.status == DeploymentStatus::success; });
    if (served) least_receivers = std::min(least_receivers, healthy);
  }
  for (const std::string& host : watched_)
    if (edge.receivers(host).empty()) violations.push_back("nobody answers for " + host);
  std::map<ReplicaKey, int> containers;
  for (const Container& container : engine.all())
    if (++containers[container.key] > 1)
      violations.push_back("two containers for " + container.key.id());
}

}  // namespace gantry::tests
