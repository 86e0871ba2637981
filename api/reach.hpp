// The world as a project token or a user sees it: a store in which a token's environment, or the
// projects and environments that a user has a role in, are all there is. Handlers look up paths,
// queries and bodies in the store of their Context, so what is foreign is not found by any of them.
// One a request; thread-safe as the store behind it.
#pragma once

#include "proto/people.hpp"

namespace gantry::api {

class ReachableStore final : public Store {
 public:
  // `roles`: of the token's user; null: nobody's. REQUIRES: a project token, or roles and people
  ReachableStore(Store& whole, Token token, RolesPtr roles, People* people)
      : whole_(whole), token_(std::move(token)), roles_(std::move(roles)), people_(people) {}

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
  // Of what is seen, and of its projects where they are of no environment.
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
  bool is_user() const { return token_.kind == TokenKind::account; }
  ProjectPtr seen(const ProjectPtr& whole) const;  // null: nothing of it
  bool owns(const Token&) const;
  bool reaches(const InstanceId&) const;
  Result<std::vector<Event>> events_of_user(const EventFilter&, const std::string& after,
                                            int limit);

  Store& whole_;
  const Token token_;
  const RolesPtr roles_;
  People* const people_;
};

}  // namespace gantry::api
