#include "tests/simulation/storm/ledger.hpp"

#include <fmt/format.h>

#include "proto/transitions.hpp"

namespace gantry::storm {
namespace {

const EnvironmentId kEnvironment = *EnvironmentId::parse("env_01jd8yq5x8c5v0m6r7k2n4t9wz");

template <class Id>
Id numbered(const char* prefix, int n) {
  return *Id::parse(fmt::format("{}_{:026}", prefix, n));
}

Error away() { return {Code::unavailable, "database_unavailable", "the database is away"}; }

}  // namespace

App app_of(const Deployment& deployment) {
  const std::string word = deployment.progress.image.substr(0, deployment.progress.image.find(':'));
  if (word == "mute") return App::mute;
  if (word == "crashing") return App::crashing;
  if (word == "leaking") return App::leaking;
  if (word == "failing") return App::failing;
  if (word == "slow") return App::slow;
  if (word == "done") return App::done;
  return App::good;
}

Deployment* Row::find(const DeploymentId& id) {
  for (Deployment& deployment : deployments)
    if (deployment.id == id) return &deployment;
  return nullptr;
}

const Deployment* Row::active() const {
  for (auto at = deployments.rbegin(); at != deployments.rend(); ++at)
    if (has_served(at->status)) return at->status == DeploymentStatus::success ? &*at : nullptr;
  return nullptr;
}

const Deployment* Row::candidate() const {
  for (auto at = deployments.rbegin(); at != deployments.rend(); ++at)
    if (is_pending(at->status)) return &*at;
  return nullptr;
}

Row& Ledger::create(const std::string& name, const DeploySettings& deploy) {
  const auto id = numbered<InstanceId>("ins", ++made_);
  Row& row = rows[id];
  row.base.instance_id = id;
  row.base.environment_id = kEnvironment;
  row.base.service = name;
  if (deploy.port != 0) {
    row.base.hosts = {name + ".localhost"};
    row.base.preview_host = name + "-preview.localhost";
  }
  row.base.network = {kEnvironment, "gantry-test", "10.192.0.0/24"};
  row.deploy = deploy;
  return row;
}

DeploymentId Ledger::deploy(Row& row, const Deployment& wanted) {
  Deployment deployment = wanted;
  deployment.id = numbered<DeploymentId>("dep", ++made_);
  deployment.instance_id = row.base.instance_id;
  deployment.created_at = deployment.updated_at = clock_.now();
  for (Deployment& older : row.deployments)
    if (superseded_by_new(older, deployment.id)) {
      older.status = DeploymentStatus::removing;
      older.reason = "superseded";
      older.updated_at = clock_.now();
    }
  row.deployments.push_back(deployment);
  owners_[deployment.id] = row.base.instance_id;
  note_alone(row);
  touch(row);
  return deployment.id;
}

void Ledger::note_alone(Row& row) {
  if (row.active() != nullptr) return;
  for (const Deployment& one : row.deployments)
    if (is_pending(one.status)) row.alone.insert(one.id);
}

bool Ledger::remove(Row& row, const DeploymentId& id) {
  Deployment* deployment = row.find(id);
  if (deployment == nullptr || !is_live(deployment->status)) return false;
  deployment->status = DeploymentStatus::removing;
  deployment->reason = "removed by request";
  deployment->updated_at = clock_.now();
  note_alone(row);
  touch(row);
  return true;
}

bool Ledger::order(Row& row, const DeploymentId& id, RolloutOrder order) {
  Deployment* deployment = row.find(id);
  if (deployment == nullptr || !may_be_ordered(*deployment, order)) return false;
  deployment->rollout.order = order;
  if (order == RolloutOrder::promote) row.ordered.insert(id);
  touch(row);
  return true;
}

void Ledger::scale(Row& row, int count) {
  if (row.vessel) return;  // refused: several replicas
  row.deploy.replicas = count;
  for (Deployment& deployment : row.deployments)
    if (is_live(deployment.status)) deployment.settings.deploy.replicas = count;
  touch(row);
}

Result<> Ledger::may_write(int daemon) const {
  if (down) return away();
  if (!holds(daemon)) return Error{Code::conflict, "lease_lost", "another daemon acts now"};
  return done();
}

Result<Row*> Ledger::open(int daemon, const InstanceId& id) {
  GANTRY_TRY(may_write(daemon));
  Row* found = row(id);
  if (found == nullptr || found->erased) return not_found("service instance " + id.str());
  return found;
}

Result<> Ledger::record(int daemon, const StatusChange& change) {
  const auto row = open(daemon, change.instance_id);
  if (!row) return row.error();
  Deployment* deployment = (*row)->find(change.deployment_id);
  if (deployment == nullptr) return not_found("deployment");
  const bool same = deployment->status == change.status && deployment->reason == change.reason;
  if (same || !may_become(deployment->status, change.status)) return done();
  if (const Deployment* before = (*row)->active(); change.status == DeploymentStatus::success &&
                                                   before != nullptr &&
                                                   app_of(*before) == app_of(*deployment))
    (*row)->as_bad.insert(deployment->id);
  deployment->status = change.status;
  deployment->reason = change.reason;
  deployment->updated_at = clock_.now();
  if (change.status == DeploymentStatus::success)
    for (Deployment& older : (*row)->deployments)
      if (superseded_by_success(older, deployment->id, change.keeps)) {
        older.status = DeploymentStatus::removing;
        older.updated_at = clock_.now();
      }
  note_alone(**row);
  touch(**row);
  return done();
}

Result<> Ledger::record(int daemon, const ProgressChange& change) {
  const auto row = open(daemon, change.instance_id);
  if (!row) return row.error();
  Deployment* deployment = (*row)->find(change.deployment_id);
  if (deployment == nullptr || !is_pending(deployment->status)) return done();
  deployment->progress = change.progress;
  if (change.settings) deployment->settings = *change.settings;
  touch(**row);
  return done();
}

Result<> Ledger::record(int daemon, const RolloutChange& change) {
  const auto row = open(daemon, change.instance_id);
  if (!row) return row.error();
  Deployment* deployment = (*row)->find(change.deployment_id);
  if (deployment == nullptr || !is_pending(deployment->status)) return done();
  deployment->rollout.step = change.step;
  deployment->rollout.since = change.since;
  touch(**row);
  return done();
}

Result<> Ledger::record(int daemon, const ScaleChange& change) {
  const auto row = open(daemon, change.instance_id);
  if (!row) return row.error();
  scale(**row, change.replicas);
  return done();
}

Result<> Ledger::record(int daemon, const Replica& replica) {
  const auto row = open(daemon, replica.instance_id);
  if (!row) return row.error();
  if (replica.status == ReplicaStatus::removed)
    replicas.erase(replica.key);
  else
    replicas[replica.key] = replica;
  return done();
}

Result<> Ledger::hold_lease(int daemon, Seconds ttl) {
  if (down) return away();
  if (holder_ != daemon && clock_.now() < expires_at_) {
    terms_[daemon] = 0;
    return Error{Code::conflict, "lease_held", "another daemon acts"};
  }
  if (holder_ != daemon) ++term_;
  holder_ = daemon;
  terms_[daemon] = term_;
  expires_at_ = clock_.now() + ttl;
  return done();
}

// As the store's snapshot: every live deployment, those still removing, and the newest of all.
DesiredPtr Ledger::desired(const InstanceId& id) const {
  const Row* found = row(id);
  if (found == nullptr || found->erased) return nullptr;
  auto& [version, cached] = cache_[id];
  if (cached && version == found->version) return cached;
  auto out = std::make_shared<Desired>(found->base);
  for (auto at = found->deployments.rbegin(); at != found->deployments.rend(); ++at)
    if (!is_terminal(at->status) || at == found->deployments.rbegin())
      out->deployments.push_back(std::make_shared<Deployment>(*at));
  version = found->version;
  cached = out;
  return out;
}

const Row* Ledger::row(const InstanceId& id) const {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : &found->second;
}
Row* Ledger::row(const InstanceId& id) {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : &found->second;
}

const Deployment* Ledger::deployment(const DeploymentId& id) const {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return nullptr;
  for (const Deployment& one : rows.at(owner->second).deployments)
    if (one.id == id) return &one;
  return nullptr;
}

}  // namespace gantry::storm
