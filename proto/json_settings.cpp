#include "proto/json_settings.hpp"

namespace gantry {
namespace {

void append_build(std::string& out, const BuildSettings& build) {
  JsonObject object(out);
  object.text("builder", build.builder)
      .text_or_null("build_command", build.build_command.value_or(""))
      .text_or_null("dockerfile_path", build.dockerfile_path.value_or(""));
  append_strings(object.at("watch_patterns"), build.watch_patterns);
  object.text_or_null("root_directory", build.root_directory.value_or(""))
      .text_or_null("config_file", build.config_file.value_or(""))
      .text_or_null("nixpacks_config_path", build.nixpacks_config_path.value_or(""))
      .raw("nixpacks_plan", build.nixpacks_plan.empty() ? "null" : build.nixpacks_plan);
}

void append_rollout(std::string& out, const RolloutSettings& rollout) {
  std::string steps;
  for (const int step : rollout.steps) steps += (steps.empty() ? "" : ",") + std::to_string(step);
  JsonObject(out)
      .text("strategy", name(rollout.strategy))
      .number("max_surge_percent", rollout.max_surge_percent)
      .number("max_unavailable_percent", rollout.max_unavailable_percent)
      .number("observe_seconds", rollout.observe_seconds)
      .boolean("automatic", rollout.automatic)
      .boolean("judge", rollout.judge)
      .raw("steps", "[" + steps + "]")
      .number("interval_seconds", rollout.interval_seconds)
      .number("min_requests", rollout.min_requests)
      .number("keep_seconds", rollout.keep_seconds);
}

void append_traffic(std::string& out, const TrafficSettings& traffic) {
  JsonObject(out)
      .text("balance", name(traffic.balance))
      .boolean("sticky", traffic.sticky)
      .number("max_connections", traffic.max_connections)
      .number("queue_seconds", traffic.queue_seconds)
      .number("drain_seconds", traffic.drain_seconds)
      .number("stream_drain_seconds", traffic.stream_drain_seconds);
}

void append_scaling(std::string& out, const ScalingSettings& scaling) {
  JsonObject(out)
      .number("min_replicas", scaling.min_replicas)
      .number("max_replicas", scaling.max_replicas)
      .number("cpu_percent", scaling.cpu_percent)
      .number("memory_percent", scaling.memory_percent)
      .number("requests_per_second", scaling.requests_per_second)
      .number("concurrency", scaling.concurrency)
      .number("up_seconds", scaling.up_seconds)
      .number("down_seconds", scaling.down_seconds);
}

void append_deploy(std::string& out, const DeploySettings& deploy) {
  std::string health;
  append_strings(health, deploy.healthcheck_command);
  JsonObject object(out);
  append_strings(object.at("start_command"), deploy.start_command);
  object.text_or_null("healthcheck_path", deploy.healthcheck_path.value_or(""))
      .raw("healthcheck_command", health)
      .number("healthcheck_timeout_seconds", deploy.healthcheck_timeout_seconds)
      .number("healthcheck_interval_seconds", deploy.healthcheck_interval_seconds)
      .text("restart_policy", name(deploy.restart_policy))
      .number("restart_max_retries", deploy.restart_max_retries)
      .number("replicas", deploy.replicas)
      .number("cpu_millicores", deploy.cpu_millicores)
      .number("memory_bytes", deploy.memory_bytes)
      .number("pids_limit", deploy.pids_limit)
      .number_or_null("port", deploy.port)
      .boolean("exposed", deploy.exposed)
      .number("overlap_seconds", deploy.overlap_seconds)
      .number("draining_seconds", deploy.draining_seconds);
  append_strings(object.at("pre_deploy_command"), deploy.pre_deploy_command);
  append_rollout(object.at("rollout"), deploy.rollout);
  append_traffic(object.at("traffic"), deploy.traffic);
  append_scaling(object.at("scaling"), deploy.scaling);
  JsonObject(object.at("sleep"))
      .boolean("enabled", deploy.sleep.enabled)
      .number("idle_seconds", deploy.sleep.idle_seconds);
  JsonObject(object.at("cron"))
      .text_or_null("schedule", deploy.cron.schedule)
      .text("zone", deploy.cron.zone)
      .text("overlap", name(deploy.cron.overlap))
      .text("missed", name(deploy.cron.missed))
      .number("limit_seconds", deploy.cron.limit_seconds);
}

}  // namespace

void append_settings(JsonObject& object, const Settings& settings) {
  JsonObject(object.at("source"))
      .text_or_null("image", settings.source.image ? settings.source.image->str() : "")
      .text_or_null("archive", settings.source.archive)
      .text_or_null("repository", settings.source.repository)
      .text_or_null("branch", settings.source.branch)
      .text_or_null("commit", settings.source.commit)
      .text_or_null("template", settings.source.from_template);
  append_build(object.at("build"), settings.build);
  append_deploy(object.at("deploy"), settings.deploy);
}

void append_strings(std::string& out, const std::vector<std::string>& words) {
  out += '[';
  for (const std::string& word : words) {
    if (&word != &words.front()) out += ',';
    append_json_string(out, word);
  }
  out += ']';
}

// What the newest step means for the requests: a step that the edge has not acknowledged yet has
// changed nothing.
void append_rollout(JsonObject& object, const Deployment& deployment) {
  const RolloutSettings& settings = deployment.settings.deploy.rollout;
  const RolloutProgress& rollout = deployment.rollout;
  JsonObject out(object.at("rollout"));
  out.text("strategy", name(settings.strategy))
      .number("step", rollout.step)
      .number("percent", percent_of(deployment))
      .time_or_null("since", rollout.since)
      .text("order", name(rollout.order))
      .boolean("waiting", waits_for_promotion(deployment));
}

}  // namespace gantry
