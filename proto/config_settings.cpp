// The settings that keys write: how each is copied, compared and shown.
#include <type_traits>

#include "proto/config_keys.hpp"
#include "proto/config_member.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

using Config = DeploymentConfig;
using B = BuildSettings;
using D = DeploySettings;
using C = CronSettings;
using R = RolloutSettings;
using T = TrafficSettings;
using S = ScalingSettings;
using Z = SleepSettings;

std::string shown(const std::string& value) {
  std::string out;
  append_json_string(out, value);
  return out;
}
std::string shown(bool value) { return value ? "true" : "false"; }
std::string shown(int value) { return std::to_string(value); }
std::string shown(std::int64_t value) { return std::to_string(value); }
template <class E>
requires std::is_enum_v<E> std::string shown(E value) { return shown(std::string(name(value))); }
std::string shown(const std::vector<int>& values) {
  std::string out = "[";
  for (const int value : values) out += (out.size() > 1 ? "," : "") + std::to_string(value);
  return out + "]";
}
std::string shown(const std::optional<std::string>& value) {
  return value ? shown(*value) : "null";
}
std::string shown(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& value : values) out += (out.size() > 1 ? "," : "") + shown(value);
  return out + "]";
}

template <auto Member>
constexpr ConfigSetting setting(std::string_view path) {
  return {path,
          [](const Config& from, Config& to) {
            config_member<Member>(to) = config_member<Member>(from);
          },
          [](const Config& a, const Config& b) {
            return config_member<Member>(a) == config_member<Member>(b);
          },
          [](const Config& config) { return shown(config_member<Member>(config)); }};
}

// Shown as it is written: "25%".
template <auto Member>
constexpr ConfigSetting share(std::string_view path) {
  ConfigSetting made = setting<Member>(path);
  made.show = [](const Config& config) {
    return "\"" + std::to_string(config_member<Member>(config)) + "%\"";
  };
  return made;
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
    {"deploy.cronSchedule",
     [](const Config& from, Config& to) {
       to.settings.deploy.cron.schedule = from.settings.deploy.cron.schedule;
     },
     [](const Config& a, const Config& b) {
       return a.settings.deploy.cron.schedule == b.settings.deploy.cron.schedule;
     },
     [](const Config& config) {
       const std::string& schedule = config.settings.deploy.cron.schedule;
       return schedule.empty() ? "null" : shown(schedule);
     }},
    setting<&C::zone>("deploy.cron.zone"),
    setting<&C::overlap>("deploy.cron.overlap"),
    setting<&C::missed>("deploy.cron.missed"),
    setting<&C::limit_seconds>("deploy.cron.limit"),
    setting<&R::strategy>("deploy.strategy"),
    share<&R::max_surge_percent>("deploy.maxSurge"),
    share<&R::max_unavailable_percent>("deploy.maxUnavailable"),
    setting<&R::observe_seconds>("deploy.observeSeconds"),
    setting<&R::steps>("deploy.canary.steps"),
    setting<&R::interval_seconds>("deploy.canary.interval"),
    setting<&R::min_requests>("deploy.canary.minRequests"),
    setting<&R::automatic>("deploy.canary.automatic"),
    setting<&R::judge>("deploy.canary.judge"),
    setting<&R::keep_seconds>("deploy.blueGreen.keep"),
    setting<&T::balance>("deploy.traffic.loadBalancing"),
    setting<&T::sticky>("deploy.traffic.stickySessions"),
    setting<&T::max_connections>("deploy.traffic.maxConnections"),
    setting<&T::queue_seconds>("deploy.traffic.queueSeconds"),
    setting<&T::drain_seconds>("deploy.traffic.drainSeconds"),
    setting<&T::stream_drain_seconds>("deploy.traffic.streamDrainSeconds"),
    setting<&S::min_replicas>("deploy.autoscaling.min"),
    setting<&S::max_replicas>("deploy.autoscaling.max"),
    setting<&S::cpu_percent>("deploy.autoscaling.cpu"),
    setting<&S::memory_percent>("deploy.autoscaling.memory"),
    setting<&S::requests_per_second>("deploy.autoscaling.requestsPerSecond"),
    setting<&S::concurrency>("deploy.autoscaling.concurrency"),
    setting<&S::up_seconds>("deploy.autoscaling.upAfter"),
    setting<&S::down_seconds>("deploy.autoscaling.downAfter"),
    setting<&Z::enabled>("deploy.sleepApplication"),
    setting<&Z::idle_seconds>("deploy.sleepAfter"),
    setting<&D::overlap_seconds>("deploy.overlapSeconds"),
    setting<&D::draining_seconds>("deploy.drainingSeconds"),
    setting<&Config::required_mount_path>("deploy.requiredMountPath"),
};

}  // namespace

std::span<const ConfigSetting> config_settings() { return kSettings; }

}  // namespace gantry
