// The schedules of an environment's services, and when they are due next.
#include "api/handlers.hpp"
#include "api/reply.hpp"
#include "api/run_parts.hpp"
#include "proto/cron_times.hpp"

namespace gantry::api {
namespace {

constexpr int kTicksTold = 3;

void append_next(std::string& out, const CronSettings& cron, TimePoint now) {
  out += '[';
  const auto zone = find_zone(cron.zone);
  const CronTimes times = CronTimes::of(cron.schedule);
  auto at = zone ? times.next(**zone, now) : std::nullopt;
  for (int i = 0; at && i < kTicksTold; ++i, at = times.next(**zone, *at)) {
    if (i > 0) out += ',';
    JsonObject(out).time("at", *at).text("local", format_local(**zone, *at));
  }
  out += ']';
}

Result<> append_schedule(std::string& out, const Context& context, const Place& place,
                         const Deployment& deployment) {
  const auto last = context.jobs->newest_tick(place.instance->instance.id);
  if (!last) return last.error();
  const CronSettings& cron = deployment.settings.deploy.cron;
  JsonObject object(out);
  append_reference(object, "service", place.service->id.str(), place.service->name.str());
  object.text("instance_id", place.instance->instance.id.str())
      .text("deployment_id", deployment.id.str())
      .text("schedule", cron.schedule)
      .text("zone", cron.zone)
      .text("overlap", name(cron.overlap))
      .text("missed", name(cron.missed))
      .number("limit_seconds", cron.limit_seconds);
  append_next(object.at("next"), cron, context.clock.now());
  if (*last)
    append_json(object.at("last_run"), **last);
  else
    object.null("last_run");
  return done();
}

}  // namespace

Answer list_schedules(const Request& request, Context& context) {
  auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto jobs = jobs_of(context);
  if (!jobs) return jobs.error();
  std::string body = "{\"data\":[";
  for (const auto& [id, view] : place->project->instances) {
    if (view->instance.environment_id != place->environment->environment.id) continue;
    place->instance = view.get();
    place->service = service_of(*place->project, view->instance);
    const Deployment* deployment = serving_of(*place);
    if (deployment == nullptr || deployment->settings.deploy.cron.schedule.empty()) continue;
    if (body.back() != '[') body += ',';
    GANTRY_TRY(append_schedule(body, context, *place, *deployment));
  }
  return unversioned(request, body + "]}");
}

}  // namespace gantry::api
