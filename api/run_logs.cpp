// What a run wrote.
#include "api/follow.hpp"
#include "api/handlers.hpp"
#include "api/log_stream.hpp"
#include "api/run_parts.hpp"

namespace gantry::api {
namespace {

void append_line(std::string& out, const LogLine& line) {
  JsonObject(out)
      .time("at", line.at)
      .text("stream", line.is_error ? "stderr" : "stdout")
      .text("text", line.text);
}

// Its end, as the run is told then; a run that was forgotten has ended, too.
std::optional<std::string> end_of(JobLedger& jobs, const RunId& id) {
  const auto run = jobs.run(id);
  if (!run && run.error().code != Code::not_found) return std::nullopt;  // asked again
  if (run && !is_over(run->status)) return std::nullopt;
  std::string out;
  if (run)
    append_json(out, *run);
  else
    JsonObject(out).text("id", id.str()).null("status");
  return out;
}

}  // namespace

Answer read_run_logs(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto run = find_run(request, context, *place);
  if (!run) return run.error();
  auto query = read_log_bounds(request);
  if (!query) return query.error();
  query->instance_id = run->instance_id;
  query->deployment_id = log_key(run->id).deployment_id;
  const auto follow = read_follow(request);
  if (!follow) return follow.error();
  if (!*follow) return log_list(*context.run_logs, *query, append_line);
  Response response;
  response.content_type = "text/event-stream";
  auto stream = std::make_shared<LogStream>(
      *context.run_logs, *query, append_line,
      [jobs = context.jobs, id = run->id] { return end_of(*jobs, id); });
  stream->keep(context.event_feed->follow(stream->waker()));
  response.stream = std::move(stream);
  return response;
}

}  // namespace gantry::api
