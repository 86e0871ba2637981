#include "api/follow.hpp"
#include "api/handlers.hpp"
#include "api/log_stream.hpp"
#include "api/lookup.hpp"
#include "api/nearest.hpp"
#include "api/page.hpp"
#include "api/problem.hpp"

namespace gantry::api {
namespace {

void append_line(std::string& out, const LogLine& line) {
  JsonObject(out)
      .time("at", line.at)
      .text("replica_id", line.key.id())
      .text("deployment_id", line.key.deployment_id.str())
      .text("stream", line.is_error ? "stderr" : "stdout")
      .text("text", line.text);
}

Result<LogQuery> read_query(const Request& request, const InstanceId& instance_id) {
  auto bounds = read_log_bounds(request);
  if (!bounds) return bounds.error();
  LogQuery query = *std::move(bounds);
  query.instance_id = instance_id;
  if (const std::string* text = request.query_value("deployment")) {
    const auto id = DeploymentId::parse(*text);
    if (!id) return invalid_query("deployment", id.error().detail);
    query.deployment_id = *id;
  }
  if (const std::string* text = request.query_value("replica")) {
    const auto key = ReplicaKey::parse(*text);
    if (!key) return invalid_query("replica", key.error().detail);
    query.replica_id = key->id();
  }
  return query;
}

}  // namespace

Answer read_logs(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto query = read_query(request, place->instance->instance.id);
  if (!query) return query.error();
  const auto follow = read_follow(request);
  if (!follow) return follow.error();
  Response response;
  if (*follow) {
    response.content_type = "text/event-stream";
    response.stream = std::make_shared<LogStream>(context.logs, *query, append_line);
    return response;
  }
  return log_list(context.logs, *query, append_line);
}

}  // namespace gantry::api
