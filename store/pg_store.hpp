// The Store in PostgreSQL: connections, memory and the listening thread, put together. One per
// daemon.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "proto/people.hpp"
#include "store/connection.hpp"
#include "store/listener.hpp"
#include "store/memory.hpp"
#include "store/open.hpp"
#include "store/secrets.hpp"

namespace gantry {

class PgTransaction;

class PgStore final : public Store {
 public:
  PgStore(const StoreOptions&, Secrets, InstallationId);
  ~PgStore() override;

  Result<std::unique_ptr<Transaction>> begin(const Actor&) override;

  ProjectPtr project(std::string_view id_or_name) const override;
  ProjectPtr project_of(const InstanceId&) const override;
  std::vector<ProjectPtr> projects() const override;
  std::optional<Token> verify_token(std::string_view secret) override;
  std::optional<Token> token(const TokenId&) const override;
  std::vector<Token> tokens() const override;
  const InstallationId& installation() const override { return installation_; }

  Result<Deployment> deployment(const DeploymentId&) override;
  Result<Page<Deployment>> deployments(const InstanceId&, const PageRequest&) override;
  Result<std::vector<Replica>> replicas(const InstanceId&) override;
  Result<std::string> deployment_config(const DeploymentId&) override;
  Result<std::vector<Release>> releases(int per_instance) override;
  Result<std::vector<Event>> events(const EventFilter&, const std::string& after,
                                    int limit) override;
  Result<std::string> latest_cursor() override;
  Result<> ping() override;

  Result<Lease> hold_lease(const std::string& holder, Seconds ttl) override;
  Result<> release_lease(const std::string& holder) override;
  Result<> record_status(const StatusChange&) override;
  Result<> record_rollout(const RolloutChange&) override;
  Result<> record_scale(const ScaleChange&) override;
  Result<> record_progress(const ProgressChange&) override;
  Result<> record_replica(const Replica&) override;
  Result<> record_event(const Event&) override;
  Result<std::vector<Volume>> volumes() override;
  Result<> record_volume_made(const VolumeId&) override;
  Result<> record_volume_usage(const VolumeId&, std::int64_t used_bytes) override;
  Result<bool> claim_volume_purge(const VolumeId&, TimePoint deleted_before) override;
  Result<> record_volume_purged(const VolumeId&) override;

  void on_change(Listener) override;
  void on_event(std::function<void()>) override;
  Result<> reload() override;

  // ---- for transactions ----
  Result<std::unique_ptr<PgTransaction>> begin_transaction(const Actor&);
  const Secrets& secrets() const { return secrets_; }
  const Clock& clock() const { return *options_.clock; }
  const Memory& memory() const { return memory_; }
  ConnectionPool& pool() { return pool_; }  // for what is kept beside the store
  Result<std::vector<Event>> events_within(const EventFilter&, const std::optional<People::Reach>&,
                                           const std::string& after, int limit);
  std::int64_t term() const { return term_; }  // of the lease it holds; 0: none
  int subnet_count() const { return options_.subnet_count; }
  // After a commit: memory first, then the listeners.
  void publish(std::uint64_t xid, const std::vector<Edit>&, const std::set<InstanceId>& changed);
  void tell_events();
  void tell_changes(const std::set<InstanceId>&);
  // A commit whose outcome is unknown: the listening thread reads everything again.
  void suspect() { listener_.wake(); }

  void start_listening() { listener_.start(); }

 private:
  void purge_when_due();
  void write_uses_when_due();

  const StoreOptions options_;
  const Secrets secrets_;
  const InstallationId installation_;
  Memory memory_;
  ConnectionPool pool_;
  std::atomic<std::int64_t> term_{0};
  std::mutex reloading_;
  TimePoint purge_at_{};  // both guarded by reloading_
  TimePoint uses_at_{};
  std::shared_mutex listening_;
  std::vector<Listener> on_change_;
  std::vector<std::function<void()>> on_event_;
  DatabaseListener listener_;  // last: its thread uses the others
};

}  // namespace gantry
