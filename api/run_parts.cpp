#include "api/run_parts.hpp"

#include "api/nearest.hpp"
#include "proto/json_settings.hpp"

namespace gantry::api {

Result<JobLedger*> jobs_of(const Context& context) {
  if (context.jobs != nullptr && context.run_logs != nullptr) return context.jobs;
  return Error{Code::unavailable, "no_runs", "this daemon runs no jobs"};
}

Result<JobRun> find_run(const Request& request, const Context& context, const Place& place) {
  const auto jobs = jobs_of(context);
  if (!jobs) return jobs.error();
  const std::string& wanted = request.path_parameters.back();
  const auto id = RunId::parse(wanted);
  if (!id) return not_found("run " + clipped(wanted));
  auto run = (*jobs)->run(*id);
  if (run && run->instance_id != place.instance->instance.id)
    return not_found("run " + clipped(wanted));
  return run;
}

void append_json(std::string& out, const JobRun& run) {
  JsonObject object(out);
  object.text("id", run.id.str())
      .text("instance_id", run.instance_id.str())
      .text("deployment_id", run.deployment_id.str())
      .text("trigger", name(run.trigger))
      .time_or_null("tick", run.tick);
  if (run.command.empty())
    object.null("command");
  else
    append_strings(object.at("command"), run.command);
  const bool ending = run.ending && !is_over(run.status);
  object.number("limit_seconds", run.limit_seconds)
      .text("status", name(run.status))
      .boolean("ending", ending)
      .text_or_null("reason", run.reason)
      .number_or_null("exit_code",
                      run.exit_code ? std::optional<std::int64_t>(*run.exit_code) : std::nullopt)
      .time("created_at", run.created_at)
      .time_or_null("started_at", run.started_at)
      .time_or_null("finished_at", run.finished_at);
}

const Deployment* serving_of(const Place& place) {
  for (const auto& deployment : place.instance->deployments)
    if (has_served(deployment->status)) return deployment.get();
  return nullptr;
}

}  // namespace gantry::api
