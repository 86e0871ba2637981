// Of the store what a keeper of runs reads of it: a snapshot. Everything else is not in this story.
#pragma once

#include "proto/store.hpp"

namespace gantry::storm {

class DeskStore final : public Store {
 public:
  explicit DeskStore(const ProjectPtr& project) : project_(project) {}

  std::vector<ProjectPtr> projects() const override { return {project_}; }
  ProjectPtr project_of(const InstanceId& id) const override {
    return project_->instances.contains(id) ? project_ : nullptr;
  }
  Result<Deployment> deployment(const DeploymentId& id) override {
    for (const auto& [instance, view] : project_->instances)
      for (const auto& one : view->deployments)
        if (one->id == id) return *one;
    return not_found("deployment " + id.str());
  }
  Result<> record_event(const Event&) override { return done(); }

  Result<std::unique_ptr<Transaction>> begin(const Actor&) override { return unused(); }
  ProjectPtr project(std::string_view) const override { return nullptr; }
  std::optional<Token> verify_token(std::string_view) override { return std::nullopt; }
  std::optional<Token> token(const TokenId&) const override { return std::nullopt; }
  std::vector<Token> tokens() const override { return {}; }
  const InstallationId& installation() const override { return installation_; }
  Result<Page<Deployment>> deployments(const InstanceId&, const PageRequest&) override {
    return unused();
  }
  Result<std::vector<Replica>> replicas(const InstanceId&) override { return unused(); }
  Result<std::string> deployment_config(const DeploymentId&) override { return unused(); }
  Result<std::vector<Release>> releases(int) override { return unused(); }
  Result<std::vector<Event>> events(const EventFilter&, const std::string&, int) override {
    return unused();
  }
  Result<std::string> latest_cursor() override { return unused(); }
  Result<std::vector<Volume>> volumes() override { return unused(); }
  Result<> ping() override { return unused(); }
  Result<Lease> hold_lease(const std::string&, Seconds) override { return unused(); }
  Result<> release_lease(const std::string&) override { return unused(); }
  Result<> record_status(const StatusChange&) override { return unused(); }
  Result<> record_progress(const ProgressChange&) override { return unused(); }
  Result<> record_rollout(const RolloutChange&) override { return unused(); }
  Result<> record_scale(const ScaleChange&) override { return unused(); }
  Result<> record_replica(const Replica&) override { return unused(); }
  Result<> record_volume_made(const VolumeId&) override { return unused(); }
  Result<> record_volume_usage(const VolumeId&, std::int64_t) override { return unused(); }
  Result<bool> claim_volume_purge(const VolumeId&, TimePoint) override { return unused(); }
  Result<> record_volume_purged(const VolumeId&) override { return unused(); }
  void on_change(Listener) override {}
  void on_event(std::function<void()>) override {}
  Result<> reload() override { return done(); }

 private:
  static Error unused() { return {Code::internal, "unused", "not in this story"}; }

  const ProjectPtr& project_;
  const InstallationId installation_ = *InstallationId::parse("gty_01jd8yq5x8c5v0m6r7k2n4t9wz");
};

}  // namespace gantry::storm
