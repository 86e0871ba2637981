#include "proto/model.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "proto/enum_text.hpp"

namespace gantry {
namespace {

constexpr std::array<Named<RestartPolicy>, 3> kRestartPolicies{{
    {RestartPolicy::on_failure, "ON_FAILURE"},
    {RestartPolicy::always, "ALWAYS"},
    {RestartPolicy::never, "NEVER"},
}};

constexpr std::array<Named<DeploymentStatus>, 13> kDeploymentStatuses{{
    {DeploymentStatus::queued, "QUEUED"},
    {DeploymentStatus::initializing, "INITIALIZING"},
    {DeploymentStatus::building, "BUILDING"},
    {DeploymentStatus::deploying, "DEPLOYING"},
    {DeploymentStatus::success, "SUCCESS"},
    {DeploymentStatus::crashed, "CRASHED"},
    {DeploymentStatus::failed, "FAILED"},
    {DeploymentStatus::removing, "REMOVING"},
    {DeploymentStatus::removed, "REMOVED"},
    {DeploymentStatus::skipped, "SKIPPED"},
    {DeploymentStatus::sleeping, "SLEEPING"},
    {DeploymentStatus::waiting, "WAITING"},
    {DeploymentStatus::needs_approval, "NEEDS_APPROVAL"},
}};

constexpr std::array<Named<ReplicaStatus>, 8> kReplicaStatuses{{
    {ReplicaStatus::created, "CREATED"},
    {ReplicaStatus::running, "RUNNING"},
    {ReplicaStatus::restarting, "RESTARTING"},
    {ReplicaStatus::exited, "EXITED"},
    {ReplicaStatus::crashed, "CRASHED"},
    {ReplicaStatus::stopped, "STOPPED"},
    {ReplicaStatus::removing, "REMOVING"},
    {ReplicaStatus::removed, "REMOVED"},
}};

constexpr std::array<Named<TokenKind>, 2> kTokenKinds{{
    {TokenKind::account, "account"},
    {TokenKind::project, "project"},
}};

}  // namespace

std::string_view name(RestartPolicy value) { return text_of(kRestartPolicies, value); }
std::string_view name(DeploymentStatus value) { return text_of(kDeploymentStatuses, value); }
std::string_view name(ReplicaStatus value) { return text_of(kReplicaStatuses, value); }
std::string_view name(TokenKind value) { return text_of(kTokenKinds, value); }

std::optional<RestartPolicy> parse_restart_policy(std::string_view text) {
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value_of(kRestartPolicies, upper);
}
std::optional<DeploymentStatus> parse_deployment_status(std::string_view text) {
  return value_of(kDeploymentStatuses, text);
}
std::optional<ReplicaStatus> parse_replica_status(std::string_view text) {
  return value_of(kReplicaStatuses, text);
}
std::optional<TokenKind> parse_token_kind(std::string_view text) {
  return value_of(kTokenKinds, text);
}

bool is_live(DeploymentStatus status) {
  switch (status) {
    case DeploymentStatus::queued:
    case DeploymentStatus::initializing:
    case DeploymentStatus::building:
    case DeploymentStatus::deploying:
    case DeploymentStatus::success:
    case DeploymentStatus::crashed:
    case DeploymentStatus::sleeping:
      return true;
    case DeploymentStatus::failed:
    case DeploymentStatus::removing:
    case DeploymentStatus::removed:
    case DeploymentStatus::skipped:
    case DeploymentStatus::waiting:
    case DeploymentStatus::needs_approval:
      return false;
  }
  return false;
}

bool is_terminal(DeploymentStatus status) {
  return !is_live(status) && !is_held(status) && status != DeploymentStatus::removing;
}

bool is_held(DeploymentStatus status) {
  return status == DeploymentStatus::waiting || status == DeploymentStatus::needs_approval;
}

bool has_served(DeploymentStatus status) {
  return status == DeploymentStatus::success || status == DeploymentStatus::crashed ||
         status == DeploymentStatus::sleeping;
}

std::string preview_host(std::string_view host_label, std::string_view base_domain) {
  return std::string(host_label) + "-preview." + std::string(base_domain);
}

int percent_of(const Deployment& deployment) {
  if (has_served(deployment.status)) return 100;
  const RolloutSettings& settings = deployment.settings.deploy.rollout;
  if (deployment.status != DeploymentStatus::deploying || settings.strategy != Strategy::canary)
    return 0;
  const int acknowledged = deployment.rollout.step - (deployment.rollout.since ? 0 : 1);
  if (acknowledged < 0 || settings.steps.empty()) return 0;
  return settings
      .steps[std::min(static_cast<std::size_t>(acknowledged), settings.steps.size() - 1)];
}

bool waits_for_promotion(const Deployment& deployment) {
  return deployment.status == DeploymentStatus::deploying &&
         deployment.reason.starts_with(kReadyForPromotion);
}

std::string ReplicaKey::id() const {
  return "rep_" + std::string(deployment_id.ulid()) + "-" + std::to_string(epoch) + "-" +
         std::to_string(ordinal);
}

Result<ReplicaKey> ReplicaKey::parse(std::string_view id) {
  const Error bad = invalid("", "invalid_id",
                            "expected a replica's id such as rep_01jd8yq5x8c5v0m6r7k2n4t9wz-0-0");
  if (id.size() < 34 || id.substr(0, 4) != "rep_" || !is_ulid(id.substr(4, 26)) || id[30] != '-')
    return bad;
  ReplicaKey key;
  key.deployment_id = *DeploymentId::parse("dep_" + std::string(id.substr(4, 26)));
  const char* end = id.data() + id.size();
  auto [dash, epoch_error] = std::from_chars(id.data() + 31, end, key.epoch);
  if (epoch_error != std::errc() || dash == end || *dash != '-') return bad;
  auto [last, ordinal_error] = std::from_chars(dash + 1, end, key.ordinal);
  if (ordinal_error != std::errc() || last != end || key.epoch < 0 || key.ordinal < 0) return bad;
  return key;
}

int percent_used(const Volume& volume) {
  if (volume.size_bytes == 0 || !volume.used_bytes) return 0;
  return static_cast<int>(static_cast<double>(*volume.used_bytes) * 100.0 /
                          static_cast<double>(volume.size_bytes));
}

}  // namespace gantry
