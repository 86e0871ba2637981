// The world as a project token sees it: a store in which its project and its environment are all
// there is. Handlers look up paths, queries and bodies in the store of their Context, so what is
// foreign is not found by any of them. One a request; thread-safe as the store behind it.
#pragma once

#include "proto/store.hpp"

namespace gantry::api {

class ReachableStore final : public Store {
 public:
  // REQUIRES: a project token
  ReachableStore(Store& whole, Token token) : whole_(whole), token_(std::move(token)) {}

  Result<std::unique_ptr<Transaction>> begin(const Actor&) override;

  ProjectPtr project(std::string_view id_or_name) const override;
  ProjectPtr project_of(const InstanceId&) const override;
  std::vector<ProjectPtr> projects() const override;
  std::optional<Token> verify_token(std::string_view secret) override;
  std::optional<Token> token(const TokenId&) const override;
  std::vector<Token> tokens() const override;
  const InstallationId& installation() const override { return whole_.installation(); }

  Result<Deployment> deployment(const DeploymentId&) override;
  Result<Page<Deployment>> deployments(const InstanceId&, const PageRequest&) override;
  Result<std::vector<Replica>> replicas(const InstanceId&) override;
  Result<std::string> deployment_config(const DeploymentId&) override;
  Result<std::vector<Release>> releases(int per_instance) override;
  // Of its environment, and of its project where they are of no environment.
  Result<std::vector<Event>> events(const EventFilter&, const std::string& after,
                                    int limit) override;
  Result<std::vector<Volume>> volumes() override;
  Result<std::string> latest_cursor() override { return whole_.latest_cursor(); }
  Result<> ping() override { return whole_.ping(); }

  // The scheduler's, which has no token: Code::forbidden.
  Result<Lease> hold_lease(const std::string& holder, Seconds ttl) override;
  Result<> release_lease(const std::string& holder) override;
  Result<> record_status(const StatusChange&) override;
  Result<> record_rollout(const RolloutChange&) override;
  Result<> record_scale(const ScaleChange&) override;
  Result<> record_progress(const ProgressChange&) override;
  Result<> record_replica(const Replica&) override;
  Result<> record_event(const Event&) override;
  Result<> record_volume_made(const VolumeId&) override;
  Result<> record_volume_usage(const VolumeId&, std::int64_t used_bytes) override;
  Result<bool> claim_volume_purge(const VolumeId&, TimePoint deleted_before) override;
  Result<> record_volume_purged(const VolumeId&) override;
  Result<> reload() override;

  void on_change(Listener listener) override { whole_.on_change(std::move(listener)); }
  void on_event(std::function<void()> listener) override { whole_.on_event(std::move(listener)); }

 private:
  ProjectPtr own() const;  // null once it is gone
  bool reaches(const InstanceId&) const;

  Store& whole_;
  const Token token_;
};

}  // namespace gantry::api
