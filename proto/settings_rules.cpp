#include "proto/settings_rules.hpp"

#include "proto/zone.hpp"

namespace gantry {
namespace {

struct Rules {
  const DeploySettings& deploy;
  const std::string& base;
  std::vector<FieldError> broken = {};

  void refuse(const char* field, const char* code, std::string detail) {
    broken.push_back({base + field, code, std::move(detail)});
  }

  void rollout() {
    const RolloutSettings& r = deploy.rollout;
    if (r.max_surge_percent == 0 && r.max_unavailable_percent == 0)
      refuse("/rollout/max_surge_percent", "no_room",
             "max_surge_percent and max_unavailable_percent are both 0: no replica could ever be "
             "replaced; give one of them room");
    if (r.strategy == Strategy::canary && deploy.port == 0)
      refuse("/rollout/strategy", "worker",
             "a canary is a share of the requests, and a worker (port 0) gets none: choose "
             "ROLLING, BLUE_GREEN or RECREATE");
  }

  void scaling() {
    const ScalingSettings& s = deploy.scaling;
    if (s.max_replicas == 0) return;
    if (s.min_replicas > s.max_replicas)
      refuse("/scaling/min_replicas", "out_of_range",
             "min_replicas is " + std::to_string(s.min_replicas) + " and max_replicas " +
                 std::to_string(s.max_replicas) + ": the least cannot be more than the most");
    if (s.cpu_percent + s.memory_percent + s.requests_per_second + s.concurrency == 0)
      refuse("/scaling/max_replicas", "no_target",
             "autoscaling needs a target: set cpu_percent, memory_percent, requests_per_second or "
             "concurrency");
    if (s.cpu_percent > 0 && deploy.cpu_millicores == 0)
      refuse("/scaling/cpu_percent", "no_limit",
             "a percentage of no limit: set cpu_millicores, or another target");
    if (s.memory_percent > 0 && deploy.memory_bytes == 0)
      refuse("/scaling/memory_percent", "no_limit",
             "a percentage of no limit: set memory_bytes, or another target");
    if (s.requests_per_second + s.concurrency > 0 && deploy.port == 0)
      refuse("/scaling/requests_per_second", "worker",
             "a worker (port 0) gets no requests: use cpu_percent or memory_percent");
    if (deploy.rollout.strategy == Strategy::recreate)
      refuse("/rollout/strategy", "recreate",
             "the strategy RECREATE is for services of which no two may run at once: set "
             "max_replicas to 0, or choose another strategy");
  }

  void health() {
    if (deploy.healthcheck_path && !deploy.healthcheck_command.empty())
      refuse("/healthcheck_command", "two_health_checks",
             "healthcheck_path and healthcheck_command are both set: keep one of them");
  }

  void sleep() {
    if (deploy.sleep.enabled && !deploy.exposed)
      refuse("/sleep/enabled", "not_exposed",
             "no request wakes a service that the edge gives no hosts: set exposed to true, or "
             "enabled to false");
    if (deploy.sleep.enabled && deploy.port == 0)
      refuse("/sleep/enabled", "worker",
             "a worker (port 0) gets no requests and would never wake up: set enabled to false");
  }

  void cron() {
    if (const auto zone = find_zone(deploy.cron.zone); !zone)
      refuse("/cron/zone", "unknown_zone", zone.error().detail);
  }
};

}  // namespace

std::vector<FieldError> broken_rules(const DeploySettings& deploy, const std::string& base) {
  Rules rules{deploy, base};
  rules.rollout();
  rules.scaling();
  rules.sleep();
  rules.health();
  rules.cron();
  return std::move(rules.broken);
}

}  // namespace gantry
