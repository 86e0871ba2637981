#include "api/metrics_summary.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace gantry::api {
namespace {

constexpr double kEnoughSeconds = 1800;
constexpr double kFar = 0.5, kNear = 0.9;  // of a limit
constexpr double kRoom = 1.5;              // above the peak, in what would do
constexpr std::int64_t kMebibyte = 1024 * 1024;
constexpr std::int64_t kMemoryStep = 64 * kMebibyte, kCpuStep = 100;
constexpr const char* kClasses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

std::int64_t whole(double value) { return std::llround(value); }

std::uint64_t total(const MetricsSample& sample) {
  return std::accumulate(sample.responses.begin(), sample.responses.end(), std::uint64_t{0});
}

std::int64_t up_to(double value, std::int64_t step) {
  return static_cast<std::int64_t>(std::ceil(value / static_cast<double>(step))) * step;
}

void append_http(JsonObject& object, const MetricsSample& sample) {
  const std::uint64_t requests = total(sample);
  JsonObject http(object.at("http"));
  http.number("requests", static_cast<std::int64_t>(requests));
  {
    JsonObject classes(http.at("responses"));
    for (std::size_t i = 0; i < sample.responses.size(); ++i)
      classes.number(kClasses[i], static_cast<std::int64_t>(sample.responses[i]));
  }
  if (requests == 0)
    http.null("error_rate");
  else
    http.raw("error_rate", fmt::format("{:.4f}", static_cast<double>(sample.responses.back()) /
                                                     static_cast<double>(requests)));
  if (sample.latency.count() == 0) {
    http.null("latency");
    return;
  }
  JsonObject latency(http.at("latency"));
  latency.number("measured", static_cast<std::int64_t>(sample.latency.count()));
  for (const auto& [key, q] : {std::pair("p50_ms", 0.5), std::pair("p90_ms", 0.9),
                               std::pair("p95_ms", 0.95), std::pair("p99_ms", 0.99)})
    latency.raw(key, fmt::format("{:.1f}", sample.latency.quantile(q)));
}

void append_network(JsonObject& object, const MetricsSample& sample) {
  JsonObject(object.at("network"))
      .number("received_bytes", static_cast<std::int64_t>(sample.received_bytes))
      .number("sent_bytes", static_cast<std::int64_t>(sample.sent_bytes));
}

std::optional<std::int64_t> limit_of(std::int64_t each, const MetricsSample& sample) {
  if (each == 0) return std::nullopt;
  return each * std::max(sample.replicas, 1);
}

std::string mebibytes(double bytes) {
  return fmt::format("{:.0f} MiB", bytes / static_cast<double>(kMebibyte));
}

std::string millicores(double value) { return fmt::format("{:.0f} millicores", value); }

// A resource of one replica at its peak, beside its limit.
struct Beside {
  double peak = 0;
  std::int64_t limit = 0, step = 1;
  const char* name;
  const char* setting;
  const char* consequence;
  std::string (*text)(double);
};

void add_hint(const Beside& it, std::vector<std::string>& hints) {
  if (it.limit == 0) return;
  const double share = it.peak / static_cast<double>(it.limit);
  const std::string seen =
      fmt::format("{}: the peak of {} is {:.0f} % of the limit of {}", it.name, it.text(it.peak),
                  share * 100, it.text(static_cast<double>(it.limit)));
  if (share >= kNear)
    hints.push_back(fmt::format("{}: {}; raise deploy.{}", seen, it.consequence, it.setting));
  const std::int64_t enough = std::max(up_to(it.peak * kRoom, it.step), it.step);
  if (share <= kFar && enough < it.limit)
    hints.push_back(fmt::format("{}: {} of deploy.{} would do", seen,
                                it.text(static_cast<double>(enough)), it.setting));
}

}  // namespace

std::vector<MetricsSample> by_step(const std::vector<MetricsSample>& samples, TimePoint since,
                                   Seconds step) {
  std::vector<MetricsSample> steps;
  for (const MetricsSample& sample : samples) {
    const Duration after = std::max<Duration>(sample.at - since, Duration(0));
    const TimePoint at = since + after / Duration(step) * Duration(step);
    if (steps.empty() || steps.back().at != at) {
      steps.emplace_back();
      steps.back().at = at;
    }
    steps.back().add(sample);
    steps.back().at = at;
  }
  return steps;
}

std::vector<std::string> limit_hints(const MetricsSample& all, const MetricsLimits& limits) {
  std::vector<std::string> hints;
  const double replicas = std::max(all.replicas, 1);
  if (all.seconds >= kEnoughSeconds) {
    add_hint({.peak = all.cpu_peak_millicores / replicas,
              .limit = limits.cpu_millicores,
              .step = kCpuStep,
              .name = "cpu",
              .setting = "cpu_millicores",
              .consequence = "it is slowed down",
              .text = millicores},
             hints);
    add_hint({.peak = all.memory_peak_bytes / replicas,
              .limit = limits.memory_bytes,
              .step = kMemoryStep,
              .name = "memory",
              .setting = "memory_bytes",
              .consequence = "beyond it it is killed",
              .text = mebibytes},
             hints);
  }
  if (all.volume_bytes && limits.volume_bytes > 0) {
    const double used = static_cast<double>(*all.volume_bytes);
    const double size = static_cast<double>(limits.volume_bytes);
    if (used >= size * kNear)
      hints.push_back(fmt::format("volume: {} are {:.0f} % of its size of {}: make it larger",
                                  mebibytes(used), used / size * 100, mebibytes(size)));
  }
  return hints;
}

void append_json(std::string& out, const MetricsSample& sample) {
  JsonObject object(out);
  object.time("at", sample.at)
      .number("measured_seconds", whole(sample.seconds))
      .number("replicas", sample.replicas);
  JsonObject(object.at("cpu"))
      .number("average_millicores", whole(sample.cpu_millicores))
      .number("peak_millicores", whole(sample.cpu_peak_millicores));
  JsonObject(object.at("memory"))
      .number("average_bytes", whole(sample.memory_bytes))
      .number("peak_bytes", whole(sample.memory_peak_bytes));
  append_network(object, sample);
  object.number_or_null("volume_bytes", sample.volume_bytes);
  append_http(object, sample);
}

void append_summary(JsonObject& object, const MetricsSample& all, const MetricsLimits& limits) {
  object.number("measured_seconds", whole(all.seconds)).number("replicas", all.replicas);
  JsonObject(object.at("cpu"))
      .number("average_millicores", whole(all.cpu_millicores))
      .number("peak_millicores", whole(all.cpu_peak_millicores))
      .number_or_null("limit_millicores", limit_of(limits.cpu_millicores, all));
  JsonObject(object.at("memory"))
      .number("average_bytes", whole(all.memory_bytes))
      .number("peak_bytes", whole(all.memory_peak_bytes))
      .number_or_null("limit_bytes", limit_of(limits.memory_bytes, all));
  append_network(object, all);
  JsonObject(object.at("volume"))
      .number_or_null("used_bytes", all.volume_bytes)
      .number_or_null("size_bytes",
                      limits.volume_bytes == 0 ? std::nullopt : std::optional(limits.volume_bytes));
  append_http(object, all);
  std::string& hints = object.at("hints");
  hints += '[';
  for (const std::string& hint : limit_hints(all, limits)) {
    if (hints.back() != '[') hints += ',';
    append_json_string(hints, hint);
  }
  hints += ']';
}

}  // namespace gantry::api
