// run_once(): a command of a deployment in a container of its own, begun once and waited for.
#include <condition_variable>
#include <mutex>

#include "runtime/docker/docker_driver.hpp"

namespace gantry::docker {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(200);
constexpr int kOutputOrdinal = 1;  // under which Logs keeps it

ReplicaKey output_key(const DeploymentId& id) { return {id, 0, kOutputOrdinal}; }

ContainerSpec limits_of(const RunSpec& run) {
  ContainerSpec spec;
  spec.command = run.command;
  spec.variables = run.variables;
  spec.cpu_millicores = run.cpu_millicores;
  spec.memory_bytes = run.memory_bytes;
  return spec;
}

// False: it is to stop.
bool pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kPoll, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

Result<std::optional<RunSeen>> DockerDriver::inspect_run(const DeploymentId& id) {
  const std::string name = run_name(options_.installation_id, id);
  auto reply = call(Verb::get, "/containers/" + name + "/json");
  if (!reply) return reply.error();
  if (reply->status == 404) return std::optional<RunSeen>();
  if (!reply->ok()) return status_error(*reply);
  auto seen = parse_run(reply->body);
  if (!seen) return seen.error();
  if (seen->installation != options_.installation_id.str() || seen->deployment != id.str())
    return name_taken(name);
  return std::optional(*std::move(seen));
}

// One command at a time in an environment, also when another daemon began the other one.
Result<> DockerDriver::check_turn(const RunSpec& spec) {
  auto reply = call(Verb::get, "/containers/json?" + runs_filter(spec.environment_id));
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  const auto others = parse_runs(reply->body);
  if (!others) return others.error();
  if (others->empty()) return done();
  return Error{Code::unavailable, "turn_taken",
               "waits for the pre-deploy command of " + others->front().str() + " to end"};
}

// There it is afterwards, running or at its end.
Result<RunSeen> DockerDriver::begin_run(const RunSpec& spec) {
  auto seen = inspect_run(spec.deployment_id);
  if (!seen) return seen.error();
  if (!*seen) {
    GANTRY_TRY(check_turn(spec));
    GANTRY_TRY(check_limits(limits_of(spec)));
    GANTRY_TRY(networks_.ensure(spec.network));
    const std::string name = run_name(options_.installation_id, spec.deployment_id);
    auto reply = call_within(options_.start_timeout, Verb::post, "/containers/create?name=" + name,
                             run_body(spec, options_.installation_id));
    if (!reply) return reply.error();
    const std::string text = parse_message(reply->body);
    if (reply->status == 404)
      return Error{Code::not_found, "image_not_found",
                   "the image " + spec.image + " is not there: " + text};
    if (reply->status == 400) return Error{Code::invalid, "start_failed", text};
    if (!reply->ok()) return status_error(*reply);
    seen = inspect_run(spec.deployment_id);
    if (!seen) return seen.error();
    if (!*seen) return Error{Code::unavailable, "container_vanished", name + " was removed"};
  }
  const OutputSource source{(*seen)->container_id, spec.instance_id,
                            output_key(spec.deployment_id)};
  if ((*seen)->state == ContainerState::running) run_output_.adopt_running(source);
  if ((*seen)->state == ContainerState::exited) run_output_.adopt_exited(source, (*seen)->exit.at);
  if ((*seen)->state == ContainerState::created) {
    GANTRY_TRY(check_program(source.container_id, spec.image, command_of(spec)));
    GANTRY_TRY(run(source, run_output_, spec.network));
  }
  return **seen;
}

Result<ContainerExit> DockerDriver::run_once(const RunSpec& spec, std::stop_token stop) {
  {
    const std::scoped_lock lock(mutex_);
    ended_runs_.erase(spec.deployment_id);
  }
  const auto cancelled = [&] {
    const std::scoped_lock lock(mutex_);
    return ended_runs_.contains(spec.deployment_id);
  };
  if (auto begun = begin_run(spec); !begun) return begun.error();
  for (;;) {
    auto seen = inspect_run(spec.deployment_id);
    if (!seen) return seen.error();
    // A killed container is seen for a moment before it is gone.
    if (!*seen || cancelled()) return Error{Code::conflict, "cancelled", "the command was ended"};
    if ((*seen)->state == ContainerState::exited) return (*seen)->exit;
    if ((*seen)->started_at != TimePoint() &&
        system_clock().now() >= (*seen)->started_at + spec.deadline) {
      GANTRY_TRY(end_run(spec.deployment_id));
      return Error{
          Code::exhausted, "run_deadline",
          "the command did not end within " + std::to_string(spec.deadline.count()) + " seconds"};
    }
    if (!pause(stop))
      return Error{Code::unavailable, "interrupted", "the daemon stops; the command goes on"};
  }
}

Result<> DockerDriver::end_run(const DeploymentId& id) {
  {
    const std::scoped_lock lock(mutex_);
    ended_runs_.insert(id);
  }
  auto seen = inspect_run(id);
  if (!seen) return seen.error();
  if (!*seen) return done();
  auto reply = call(Verb::del, "/containers/" + (*seen)->container_id + "?force=1&v=1");
  if (!reply) return reply.error();
  if (!reply->ok() && reply->status != 404 && reply->status != 409) return status_error(*reply);
  run_output_.forget((*seen)->container_id);
  return done();
}

Result<std::vector<DeploymentId>> DockerDriver::runs() {
  auto reply =
      call(Verb::get, "/containers/json?all=1&" +
                          label_filter(kInstallationLabel, options_.installation_id.str()));
  if (!reply) return reply.error();
  if (!reply->ok()) return status_error(*reply);
  return parse_runs(reply->body);
}

}  // namespace gantry::docker
