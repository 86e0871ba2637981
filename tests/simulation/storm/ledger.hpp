// A store in memory with the store's rules (proto/transitions.hpp, store/*.cpp): what people wrote
// and what daemons recorded, the lease, and an outage. It is the simulation's truth of what is
// desired: everything that it acknowledged.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "proto/store.hpp"
#include "scheduler/desired.hpp"

namespace gantry::storm {

// What an application does, by the first word of its image's name.
enum class App { good, mute, crashing, leaking, failing, slow, done };

struct Row {
  Desired base;  // hosts, preview, split, epoch, network
  DeploySettings deploy;
  std::vector<Deployment> deployments;  // oldest first
  bool erased = false;
  bool vessel = false;  // may mount volumes: keeps to one replica
  std::int64_t version = 1;
  int load = 0;                          // requests a second
  Duration asked_at{};                   // when a request came last, on the steady clock
  std::optional<Duration> busy_since{};  // requests without a break
  std::set<DeploymentId> as_bad;         // were compared with one that does the same
  std::set<DeploymentId> alone;          // had nothing to fall back to, at some time
  std::set<DeploymentId> ordered;        // promoted by a person

  Deployment* find(const DeploymentId&);
  const Deployment* active() const;     // the newest that is SUCCESS
  const Deployment* candidate() const;  // the newest that is on its way
  bool plain() const { return deploy.port == 0; }
};

class Ledger {
 public:
  explicit Ledger(const Clock& clock) : clock_(clock) {}

  // ---- people; each bumps the row's version ----
  Row& create(const std::string& name, const DeploySettings&);
  DeploymentId deploy(Row&, const Deployment& wanted);
  bool remove(Row&, const DeploymentId&);
  bool order(Row&, const DeploymentId&, RolloutOrder);
  void scale(Row&, int replicas);
  void touch(Row& row) { ++row.version; }

  // ---- volumes: volumes.cpp; false: refused ----
  VolumeId create_volume();
  bool attach(const VolumeId&, Row& to);
  bool detach(const VolumeId&);
  bool erase_volume(const VolumeId&);
  bool restore_volume(const VolumeId&);
  void erase_with(const InstanceId&);  // a service goes
  Result<> record_made(int daemon, const VolumeId&);
  Result<bool> claim_purge(int daemon, const VolumeId&, TimePoint deleted_before);
  Result<> record_purged(int daemon, const VolumeId&);

  // ---- daemons ----
  Result<> record(int daemon, const StatusChange&);
  Result<> record(int daemon, const ProgressChange&);
  Result<> record(int daemon, const RolloutChange&);
  Result<> record(int daemon, const ScaleChange&);
  Result<> record(int daemon, const Replica&);
  Result<> hold_lease(int daemon, Seconds ttl);
  bool holds(int daemon) const { return terms_[daemon] != 0 && terms_[daemon] == term_; }

  DesiredPtr desired(const InstanceId&) const;
  const Row* row(const InstanceId&) const;
  Row* row(const InstanceId&);
  const Deployment* deployment(const DeploymentId&) const;

  bool down = false;
  Duration back_at{-1'000'000'000};  // since when it is not, steady
  std::map<InstanceId, Row> rows;
  std::map<ReplicaKey, Replica> replicas;
  std::map<VolumeId, Volume> volumes;
  std::set<VolumeId> purging;

 private:
  Result<> may_write(int daemon) const;
  void unmount(Volume&);
  Result<Row*> open(int daemon, const InstanceId&);
  void note_alone(Row&);

  const Clock& clock_;
  int made_ = 0;
  int holder_ = -1;
  std::int64_t term_ = 0;
  std::int64_t terms_[2] = {0, 0};
  TimePoint expires_at_{};
  mutable std::map<InstanceId, std::pair<std::int64_t, DesiredPtr>> cache_;
  std::map<DeploymentId, InstanceId> owners_;
};

App app_of(const Deployment&);

}  // namespace gantry::storm
