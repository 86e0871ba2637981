#include "proto/config_keys.hpp"

#include <algorithm>
#include <cctype>
#include <limits>

#include "proto/command.hpp"
#include "proto/config_member.hpp"
#include "proto/config_rollout.hpp"
#include "proto/config_values.hpp"
#include "proto/json.hpp"

namespace gantry {
namespace {

using Kind = ConfigNode::Kind;
using Config = DeploymentConfig;
using Field = ConfigField;

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return out;
}

template <auto Member, auto Read>
void put(const Field& field, Config& out) {
  if (const auto value = Read(field))
    config_member<Member>(out) =
        static_cast<std::remove_cvref_t<decltype(config_member<Member>(out))>>(*value);
}

template <auto Member, int Low, int High>
void put_seconds(const Field& field, Config& out) {
  if (const auto value = read_whole(field, {Low, High, "seconds"}))
    config_member<Member>(out) = static_cast<int>(*value);
}

template <auto Member, int Low, int High>
void put_duration(const Field& field, Config& out) {
  if (const auto value = read_duration(field, {Low, High, "seconds"}))
    config_member<Member>(out) = static_cast<int>(*value);
}

template <auto Member, int Low, int High>
void put_whole(const Field& field, Config& out) {
  if (const auto value = read_whole(field, {Low, High, ""}))
    config_member<Member>(out) = static_cast<int>(*value);
}

void put_builder(const Field& field, Config& out) {
  const auto text = read_string(field);
  if (!text) return;
  const std::string word = upper(*text);
  if (word == "RAILPACK" || word == "NIXPACKS" || word == "DOCKERFILE") {
    out.settings.build.builder = word;
  } else if (word == "DOCKER" || word == "NIX") {
    out.settings.build.builder = word == "NIX" ? "NIXPACKS" : "DOCKERFILE";
    field.warn("there is no builder " + brief(field.node) + ": read as \"" +
               out.settings.build.builder + "\"");
  } else if (word == "HEROKU" || word == "PAKETO") {
    out.settings.build.builder = "RAILPACK";
    field.warn("buildpacks are not supported: the language is detected, as with \"RAILPACK\"");
  } else {
    std::string fix = "leave the key out to have the language and its build tool detected";
    for (const std::string one : {"RAILPACK", "NIXPACKS", "DOCKERFILE"})
      if (word.find(one) != std::string::npos) fix = "write \"" + one + "\"";
    field.refuse("expected RAILPACK, NIXPACKS or DOCKERFILE, received " + brief(field.node) + ": " +
                 fix);
  }
}

void put_build_command(const Field& field, Config& out) {
  const auto text = read_command(field);
  if (!text) return;
  out.settings.build.build_command = text->empty() ? std::optional<std::string>() : text;
}

void put_watch_patterns(const Field& field, Config& out) {
  if (field.node.is(Kind::object))
    return field.wrong_type("an array of strings",
                            "write the patterns as a list, with ! before "
                            "those that are to be left out");
  if (const auto patterns = read_strings(field)) out.settings.build.watch_patterns = *patterns;
}

void put_plan(const Field& field, Config& out) {
  if (!field.node.is(Kind::object))
    return field.wrong_type(
        "an object", field.node.is(Kind::string) ? "write the plan itself, not its text" : "");
  out.settings.build.nixpacks_plan = json_of(field.node);
}

void put_start_command(const Field& field, Config& out) {
  if (field.node.is(Kind::array)) {
    const auto words = read_strings(field);
    if (words && !words->empty() && words->front().empty())
      return field.refuse("the program's name is empty");
    if (words) out.settings.deploy.start_command = *words;
  } else if (!field.node.is(Kind::string)) {
    field.wrong_type("a string");
  } else if (const auto text = read_command(field)) {
    out.settings.deploy.start_command = *command_argv(*text);
  }
}

void put_pre_deploy(const Field& field, Config& out) {
  std::vector<std::string> commands;
  const bool list = field.node.is(Kind::array);
  if (!list && !field.node.is(Kind::string))
    return field.wrong_type("a string or an array of them");
  for (std::size_t i = 0; i < (list ? field.node.items.size() : 1); ++i) {
    const std::string key = std::string(field.key) + (list ? "[" + std::to_string(i) + "]" : "");
    const auto text = read_command({list ? field.node.items[i] : field.node, key, field.problems});
    if (!text) return;
    if (!text->empty()) commands.push_back(*text);
  }
  out.settings.deploy.pre_deploy_command = std::move(commands);
}

void put_health_path(const Field& field, Config& out) {
  auto text = read_string(field);
  if (!text) return;
  if (text->empty()) return out.settings.deploy.healthcheck_path.reset();
  if (text->find("://") != std::string::npos)
    return field.refuse("expected a path, received " + brief(field.node) +
                        ": leave the scheme and the host out");
  if (text->front() != '/')
    return field.refuse("a path begins with \"/\": write \"/" + text->substr(0, 100) + "\"");
  const bool printable =
      std::all_of(text->begin(), text->end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || text->size() > 2048)
    return field.refuse("a path has at most 2048 printable ASCII characters and no blanks");
  out.settings.deploy.healthcheck_path = text;
}

void put_restart_policy(const Field& field, Config& out) {
  const auto text = read_string(field);
  if (!text) return;
  if (const auto policy = parse_restart_policy(*text)) {
    out.settings.deploy.restart_policy = *policy;
    return;
  }
  const std::string word = upper(*text);
  std::string_view meant;
  if (word == "ON_FAILURE" || word == "ONFAILURE" || word == "FAILURE") meant = "ON_FAILURE";
  if (word == "UNLESS_STOPPED" || word == "ANY" || word == "YES") meant = "ALWAYS";
  if (word == "NO" || word == "NONE") meant = "NEVER";
  field.refuse("expected ON_FAILURE, ALWAYS or NEVER, received " + brief(field.node) +
               (meant.empty() ? "" : ": write \"" + std::string(meant) + "\""));
}

void put_replicas(const Field& field, Config& out) {
  if (const auto value = read_whole(field, {0, 200, "replicas"}))
    out.settings.deploy.replicas = static_cast<int>(*value);
}

void put_regions(const Field& field, Config& out) {
  if (!field.node.is(Kind::object)) return field.wrong_type("an object of regions");
  std::int64_t sum = 0;
  std::string terms;
  for (const ConfigMember& region : field.node.members) {
    const std::string key = std::string(field.key) + "." + region.key;
    const ConfigField inner{region.value, key, field.problems};
    if (region.value.is(Kind::null)) continue;
    if (!region.value.is(Kind::object)) return inner.wrong_type("an object with numReplicas");
    const ConfigMember* replicas = region.value.find("numReplicas");
    std::int64_t here = 1;
    if (replicas != nullptr && !replicas->value.is(Kind::null)) {
      const auto value =
          read_whole({replicas->value, key + ".numReplicas", field.problems}, {0, 200, "replicas"});
      if (!value) return;
      here = *value;
    }
    sum += here;
    terms += (terms.empty() ? "" : " + ") + std::to_string(here);
  }
  if (terms.empty()) return;
  if (sum > 200)
    return field.refuse("the regions have " + std::to_string(sum) + " replicas; at most 200");
  if (terms.find('+') != std::string::npos)
    field.warn("there are no regions here: " + terms + " = " + std::to_string(sum) +
               " replicas run together");
  else
    field.say(ConfigSeverity::notice, "there are no regions here: its " + terms +
                                          (sum == 1 ? " replica counts" : " replicas count"));
  out.settings.deploy.replicas = static_cast<int>(sum);
}

void put_mount(const Field& field, Config& out) {
  const auto text = read_line(field);
  if (text && text->front() != '/')
    return field.refuse("expected an absolute path, received " + brief(field.node));
  if (text) out.required_mount_path = text;
}

constexpr std::string_view kInternal = "internal to Railway: it means nothing here";
constexpr std::string_view kLatest = "the builder that is installed on the server is used";

using B = BuildSettings;
using D = DeploySettings;
using C = CronSettings;
using R = RolloutSettings;
using T = TrafficSettings;
using S = ScalingSettings;
using Z = SleepSettings;

constexpr ConfigKey kKeys[] = {
    {"build.builder", "build.builder", put_builder, ""},
    {"build.buildCommand", "build.buildCommand", put_build_command, ""},
    {"build.dockerfilePath", "build.dockerfilePath", put<&B::dockerfile_path, read_path>, ""},
    {"build.watchPatterns", "build.watchPatterns", put_watch_patterns, ""},
    {"build.nixpacksConfigPath", "build.nixpacksConfigPath",
     put<&B::nixpacks_config_path, read_path>, ""},
    {"build.nixpacksPlan", "build.nixpacksPlan", put_plan, ""},
    {"build.nixpacksVersion", "", nullptr, kLatest},
    {"build.railpackVersion", "", nullptr, kLatest},
    {"build.buildEnvironment", "", nullptr, kInternal},
    {"deploy.startCommand", "deploy.startCommand", put_start_command, ""},
    {"deploy.preDeployCommand", "deploy.preDeployCommand", put_pre_deploy, ""},
    {"deploy.healthcheckPath", "deploy.healthcheckPath", put_health_path, ""},
    {"deploy.healthcheckTimeout", "deploy.healthcheckTimeout",
     put_seconds<&D::healthcheck_timeout_seconds, 1, 3600>, ""},
    {"deploy.healthcheckInterval", "deploy.healthcheckInterval",
     put_seconds<&D::healthcheck_interval_seconds, 1, 3600>, ""},
    {"deploy.restartPolicyType", "deploy.restartPolicyType", put_restart_policy, ""},
    {"deploy.restartPolicyMaxRetries", "deploy.restartPolicyMaxRetries",
     put_whole<&D::restart_max_retries, 0, 10000>, ""},
    {"deploy.numReplicas", "deploy.numReplicas", put_replicas, ""},
    {"deploy.multiRegionConfig", "deploy.numReplicas", put_regions, ""},
    {"deploy.resources.cpu", "deploy.resources.cpu", put<&D::cpu_millicores, read_cpu_millicores>,
     ""},
    {"deploy.resources.memory", "deploy.resources.memory", put<&D::memory_bytes, read_memory_bytes>,
     ""},
    {"deploy.limitOverride.containers.cpu", "deploy.resources.cpu",
     put<&D::cpu_millicores, read_cpu_millicores>, ""},
    {"deploy.limitOverride.containers.memoryBytes", "deploy.resources.memory",
     put<&D::memory_bytes, read_memory_bytes>, ""},
    {"deploy.limitOverride.containers.diskBytes", "", nullptr,
     "the disk of a container has no limit here"},
    {"deploy.cronSchedule", "deploy.cronSchedule", put<&C::schedule, read_cron>, ""},
    {"deploy.cron.zone", "deploy.cron.zone", put<&C::zone, read_zone>, ""},
    {"deploy.cron.overlap", "deploy.cron.overlap", put<&C::overlap, read_overlap>, ""},
    {"deploy.cron.missed", "deploy.cron.missed", put<&C::missed, read_missed>, ""},
    {"deploy.cron.limit", "deploy.cron.limit", put_duration<&C::limit_seconds, 0, 604800>, ""},
    {"deploy.strategy", "deploy.strategy", put<&R::strategy, read_strategy>, ""},
    {"deploy.maxSurge", "deploy.maxSurge", put<&R::max_surge_percent, read_share>, ""},
    {"deploy.maxUnavailable", "deploy.maxUnavailable", put<&R::max_unavailable_percent, read_share>,
     ""},
    {"deploy.observeSeconds", "deploy.observeSeconds", put_seconds<&R::observe_seconds, 0, 3600>,
     ""},
    {"deploy.canary.steps", "deploy.canary.steps", put<&R::steps, read_steps>, ""},
    {"deploy.canary.interval", "deploy.canary.interval",
     put_duration<&R::interval_seconds, 1, 86400>, ""},
    {"deploy.canary.minRequests", "deploy.canary.minRequests",
     put_whole<&R::min_requests, 0, 1000000>, ""},
    {"deploy.canary.automatic", "deploy.canary.automatic", put<&R::automatic, read_flag>, ""},
    {"deploy.canary.judge", "deploy.canary.judge", put<&R::judge, read_flag>, ""},
    {"deploy.canary.sticky", "deploy.traffic.stickySessions", put<&T::sticky, read_flag>, ""},
    {"deploy.blueGreen.keep", "deploy.blueGreen.keep", put_duration<&R::keep_seconds, 0, 604800>,
     ""},
    {"deploy.traffic.loadBalancing", "deploy.traffic.loadBalancing", put<&T::balance, read_balance>,
     ""},
    {"deploy.traffic.stickySessions", "deploy.traffic.stickySessions", put<&T::sticky, read_flag>,
     ""},
    {"deploy.traffic.maxConnections", "deploy.traffic.maxConnections",
     put_whole<&T::max_connections, 0, 100000>, ""},
    {"deploy.traffic.queueSeconds", "deploy.traffic.queueSeconds",
     put_seconds<&T::queue_seconds, 1, 600>, ""},
    {"deploy.traffic.drainSeconds", "deploy.traffic.drainSeconds",
     put_seconds<&T::drain_seconds, 0, 3600>, ""},
    {"deploy.traffic.streamDrainSeconds", "deploy.traffic.streamDrainSeconds",
     put_seconds<&T::stream_drain_seconds, 0, 86400>, ""},
    {"deploy.autoscaling.min", "deploy.autoscaling.min", put_whole<&S::min_replicas, 1, 200>, ""},
    {"deploy.autoscaling.max", "deploy.autoscaling.max", put_whole<&S::max_replicas, 0, 200>, ""},
    {"deploy.autoscaling.cpu", "deploy.autoscaling.cpu", put<&S::cpu_percent, read_percent>, ""},
    {"deploy.autoscaling.memory", "deploy.autoscaling.memory",
     put<&S::memory_percent, read_percent>, ""},
    {"deploy.autoscaling.requestsPerSecond", "deploy.autoscaling.requestsPerSecond",
     put_whole<&S::requests_per_second, 0, 1000000>, ""},
    {"deploy.autoscaling.concurrency", "deploy.autoscaling.concurrency",
     put_whole<&S::concurrency, 0, 100000>, ""},
    {"deploy.autoscaling.upAfter", "deploy.autoscaling.upAfter",
     put_duration<&S::up_seconds, 1, 3600>, ""},
    {"deploy.autoscaling.downAfter", "deploy.autoscaling.downAfter",
     put_duration<&S::down_seconds, 1, 86400>, ""},
    {"deploy.sleepApplication", "deploy.sleepApplication", put<&Z::enabled, read_flag>, ""},
    {"deploy.sleepAfter", "deploy.sleepAfter", put_duration<&Z::idle_seconds, 10, 86400>, ""},
    {"deploy.overlapSeconds", "deploy.overlapSeconds", put_seconds<&D::overlap_seconds, 0, 3600>,
     ""},
    {"deploy.drainingSeconds", "deploy.drainingSeconds", put_seconds<&D::draining_seconds, 0, 3600>,
     ""},
    {"deploy.requiredMountPath", "deploy.requiredMountPath", put_mount, ""},
    {"deploy.region", "", nullptr, "there are no regions here"},
    {"deploy.runtime", "", nullptr, kInternal},
    {"deploy.useLegacyStacker", "", nullptr, kInternal},
    {"deploy.ipv6EgressEnabled", "", nullptr, "the network of the server decides"},
    {"deploy.registryCredentials", "", nullptr,
     "ignored: a password does not belong into a repository; give it to the server"},
    {"rootDirectory", "build.rootDirectory", put<&B::root_directory, read_path>, ""},
    {"watchPatterns", "build.watchPatterns", put_watch_patterns, ""},
};

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

bool is_config_group(std::string_view path) {
  return std::any_of(std::begin(kKeys), std::end(kKeys), [&](const ConfigKey& key) {
    return key.path.size() > path.size() && key.path.substr(0, path.size()) == path &&
           key.path[path.size()] == '.';
  });
}

}  // namespace gantry
