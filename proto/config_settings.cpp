// The settings that keys write: how each is copied, compared and shown.
#include "proto/config_keys.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

using Config = DeploymentConfig;
using B = BuildSettings;
using D = DeploySettings;
using U = UnappliedSettings;

std::string shown(const std::string& value) {
  std::string out;
  append_json_string(out, value);
  return out;
}
std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(int value) { return std::to_string(value); }
std::string shown(std::int64_t value) { return std::to_string(value); }
std::string shown(RestartPolicy value) { return shown(std::string(name(value))); }
std::string shown(const std::optional<std::string>& value) {
  return value ? shown(*value) : "null";
}
std::string shown(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? "," : "") + shown(value);
  return out + "]";
}

template <auto Member>
auto& member(auto& config) {
  if constexpr (requires { config.settings.build.*Member; })
    return config.settings.build.*Member;
  else if constexpr (requires { config.settings.deploy.*Member; })
    return config.settings.deploy.*Member;
  else
    return config.unapplied.*Member;
}

template <auto Member>
constexpr ConfigSetting setting(std::string_view path) {
  return {path, [](const Config& from, Config& to) { member<Member>(to) = member<Member>(from); },
          [](const Config& a, const Config& b) { return member<Member>(a) == member<Member>(b); },
          [](const Config& config) { return shown(member<Member>(config)); }};
}

constexpr ConfigSetting kSettings[] = {
    setting<&B::builder>("build.builder"),
    setting<&B::build_command>("build.buildCommand"),
    setting<&B::dockerfile_path>("build.dockerfilePath"),
    setting<&B::root_directory>("build.rootDirectory"),
    setting<&B::watch_patterns>("build.watchPatterns"),
    setting<&B::nixpacks_config_path>("build.nixpacksConfigPath"),
    {"build.nixpacksPlan",
     [](const Config& from, Config& to) {
       to.settings.build.nixpacks_plan = from.settings.build.nixpacks_plan;
     },
     [](const Config& a, const Config& b) {
       return a.settings.build.nixpacks_plan == b.settings.build.nixpacks_plan;
     },
     [](const Config& config) {
       return config.settings.build.nixpacks_plan.empty() ? "null"
                                                          : config.settings.build.nixpacks_plan;
     }},
    setting<&D::start_command>("deploy.startCommand"),
    setting<&D::pre_deploy_command>("deploy.preDeployCommand"),
    setting<&D::healthcheck_path>("deploy.healthcheckPath"),
    setting<&D::healthcheck_timeout_seconds>("deploy.healthcheckTimeout"),
    setting<&D::healthcheck_interval_seconds>("deploy.healthcheckInterval"),
    setting<&D::restart_policy>("deploy.restartPolicyType"),
    setting<&D::restart_max_retries>("deploy.restartPolicyMaxRetries"),
    setting<&D::replicas>("deploy.numReplicas"),
    {"deploy.resources.cpu",
     [](const Config& from, Config& to) {
       to.settings.deploy.cpu_millicores = from.settings.deploy.cpu_millicores;
     },
     [](const Config& a, const Config& b) {
       return a.settings.deploy.cpu_millicores == b.settings.deploy.cpu_millicores;
     },
     [](const Config& config) {
       return "\"" + std::to_string(config.settings.deploy.cpu_millicores) + "m\"";
     }},
    setting<&D::memory_bytes>("deploy.resources.memory"),
    setting<&U::cron_schedule>("deploy.cronSchedule"),
    setting<&U::sleep>("deploy.sleepApplication"),
    setting<&D::overlap_seconds>("deploy.overlapSeconds"),
    setting<&D::draining_seconds>("deploy.drainingSeconds"),
    setting<&U::required_mount_path>("deploy.requiredMountPath"),
};

}  // namespace

std::span<const ConfigSetting> config_settings() { return kSettings; }

}  // namespace gantry
