// What a deployment's build and pre-deploy command wrote.
#include "api/follow.hpp"
#include "api/handlers.hpp"
#include "api/log_stream.hpp"
#include "api/lookup.hpp"

namespace gantry::api {
namespace {

// Ordinal 0 of a deployment is its build, 1 its pre-deploy command.
void append_line(std::string& out, const LogLine& line) {
  JsonObject(out)
      .time("at", line.at)
      .text("phase", line.key.ordinal == 0 ? "build" : "pre_deploy")
      .text("stream", line.is_error ? "stderr" : "stdout")
      .text("text", line.text);
}

bool is_under_way(const Deployment& deployment) {
  switch (deployment.status) {
    case DeploymentStatus::queued:
    case DeploymentStatus::initializing:
    case DeploymentStatus::building:
      return true;
    case DeploymentStatus::deploying:
      return !deployment.progress.done();
    case DeploymentStatus::success:
    case DeploymentStatus::crashed:
    case DeploymentStatus::failed:
    case DeploymentStatus::removing:
    case DeploymentStatus::removed:
    case DeploymentStatus::skipped:
    case DeploymentStatus::waiting:
    case DeploymentStatus::needs_approval:
    case DeploymentStatus::sleeping:
      return false;
  }
  return false;
}

std::optional<std::string> end_of(Store& store, const InstanceId& instance,
                                  const DeploymentId& id) {
  std::optional<DeploymentStatus> status;
  if (const ProjectPtr project = store.project_of(instance))
    if (const auto view = project->instances.find(instance); view != project->instances.end())
      for (const auto& deployment : view->second->deployments) {
        if (deployment->id != id) continue;
        if (is_under_way(*deployment)) return std::nullopt;
        status = deployment->status;
      }
  if (!status) {
    const auto kept = store.deployment(id);
    if (!kept && kept.error().code != Code::not_found) return std::nullopt;  // asked again
    status = kept ? kept->status : DeploymentStatus::removed;
  }
  std::string out;
  JsonObject(out).text("status", name(*status));
  return out;
}

}  // namespace

Answer read_build_logs(const Request& request, Context& context) {
  const auto deployment = find_deployment(request, context);
  if (!deployment) return deployment.error();
  const auto place = place_of(deployment->instance_id, context);
  if (!place) return place.error();
  auto query = read_log_bounds(request);
  if (!query) return query.error();
  query->instance_id = deployment->instance_id;
  query->deployment_id = deployment->id;
  const auto follow = read_follow(request);
  if (!follow) return follow.error();
  if (!*follow) return log_list(context.build_logs, *query, append_line);
  Response response;
  response.content_type = "text/event-stream";
  auto stream =
      std::make_shared<LogStream>(context.build_logs, *query, append_line,
                                  [&store = context.store, instance = deployment->instance_id,
                                   id = deployment->id] { return end_of(store, instance, id); });
  stream->keep(context.event_feed->follow(stream->waker()));
  response.stream = std::move(stream);
  return response;
}

}  // namespace gantry::api
