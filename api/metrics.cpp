// What services used and answered: of one with its course, of an environment's all in short.
#include "runtime/metrics.hpp"

#include "api/handlers.hpp"
#include "api/instances_page.hpp"
#include "api/metrics_summary.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"
#include "api/run_parts.hpp"
#include "proto/duration.hpp"

namespace gantry::api {
namespace {

constexpr Seconds kLookBack{3600};
constexpr int kPointsWanted = 120, kPointsMost = 1500;

struct Span {
  TimePoint since, until;
  Seconds step;
};

Result<TimePoint> read_moment(const Request& request, const char* name, TimePoint fallback,
                              TimePoint now) {
  const std::string* text = request.query_value(name);
  if (text == nullptr) return fallback;
  if (const auto back = duration_seconds(*text)) return now - Seconds(*back);
  if (const auto time = parse_time(*text)) return *time;
  return invalid_query(
      name,
      std::string(name) +
          ": expected how long ago, such as 1h or 2d, or a time such as 2026-11-29T12:00:00Z");
}

Result<Seconds> read_step(const Request& request, Duration span, Seconds least) {
  const auto upwards = [&](int points) {
    const auto steps = (span / points + Duration(least) - Duration(1)) / Duration(least);
    return least * std::max<std::int64_t>(steps, 1);
  };
  const std::string* text = request.query_value("step");
  if (text == nullptr) return upwards(kPointsWanted);
  const auto wanted = duration_seconds(*text);
  if (!wanted || *wanted % least.count() != 0)
    return invalid_query("step", "step: expected a multiple of " + std::to_string(least.count()) +
                                     "s, which is what is kept of that time, such as " +
                                     std::to_string(upwards(kPointsWanted).count()) + "s");
  if (Seconds(*wanted) < upwards(kPointsMost))
    return invalid_query("step", "step: there are at most " + std::to_string(kPointsMost) +
                                     " steps: expected " +
                                     std::to_string(upwards(kPointsMost).count()) + "s or more");
  return Seconds(*wanted);
}

Result<Span> read_span(const Request& request, const Context& context) {
  const TimePoint now = context.clock.now();
  const auto until = read_moment(request, "until", now, now);
  if (!until) return until.error();
  const auto since = read_moment(request, "since", *until - kLookBack, now);
  if (!since) return since.error();
  if (*since >= *until) return invalid_query("since", "since: expected a time before until");
  const Seconds least = metrics_step(*since, now);
  const auto step = read_step(request, *until - *since, least);
  if (!step) return step.error();
  const Duration whole = since->time_since_epoch() / Duration(least) * Duration(least);
  return Span{TimePoint(whole), *until, *step};
}

Result<Metrics*> metrics_of(const Context& context) {
  if (context.instance_metrics != nullptr) return context.instance_metrics;
  return Error{Code::unavailable, "no_metrics",
               "this server measures nothing: metrics.days of its configuration is 0"};
}

MetricsLimits limits_of(const Place& place) {
  const Deployment* serving = serving_of(place);
  const DeploySettings& deploy =
      serving != nullptr ? serving->settings.deploy : place.instance->instance.settings.deploy;
  MetricsLimits limits{.cpu_millicores = deploy.cpu_millicores,
                       .memory_bytes = deploy.memory_bytes};
  for (const Volume* volume : place.project->volumes_of(place.instance->instance.id))
    limits.volume_bytes += volume->size_bytes;
  return limits;
}

void append_summary_of(std::string& out, const Place& place, const Span& span,
                       const std::vector<MetricsSample>& samples) {
  MetricsSample all;
  for (const MetricsSample& sample : samples) all.add(sample);
  JsonObject object(out);
  append_reference(object, "service", place.service->id.str(), place.service->name.str());
  object.time("since", span.since).time("until", span.until);
  append_summary(object, all, limits_of(place));
}

}  // namespace

Answer get_instance_metrics(const Request& request, Context& context) {
  const auto place = find_instance(request, context);
  if (!place) return place.error();
  const auto metrics = metrics_of(context);
  if (!metrics) return metrics.error();
  const auto span = read_span(request, context);
  if (!span) return span.error();
  const auto samples = (*metrics)->read(place->instance->instance.id, span->since, span->until);
  std::string body;
  {
    JsonObject object(body);
    append_summary_of(object.at("summary"), *place, *span, samples);
    object.number("step_seconds", span->step.count());
    std::string& data = object.at("data");
    data += '[';
    for (const MetricsSample& point : by_step(samples, span->since, span->step)) {
      if (data.back() != '[') data += ',';
      append_json(data, point);
    }
    data += ']';
  }
  return unversioned(request, std::move(body));
}

Answer list_metrics(const Request& request, Context& context) {
  const auto place = find_environment(request, context);
  if (!place) return place.error();
  const auto metrics = metrics_of(context);
  if (!metrics) return metrics.error();
  const auto span = read_span(request, context);
  if (!span) return span.error();
  const auto wanted = read_page(request, context);
  if (!wanted) return wanted.error();
  return page_of_instances(
      request, context, *wanted, *place, [&](std::string& out, const Place& one) {
        const auto used = (*metrics)->read(one.instance->instance.id, span->since, span->until);
        append_summary_of(out, one, *span, used);
      });
}

}  // namespace gantry::api
