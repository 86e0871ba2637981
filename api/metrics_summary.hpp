// What samples come to: steps of one length, their JSON, and what the figures say about the limits.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/json.hpp"
#include "proto/model.hpp"
#include "runtime/metrics.hpp"

namespace gantry::api {

// One for each step from `since` on in which there is something; ascending.
std::vector<MetricsSample> by_step(const std::vector<MetricsSample>&, TimePoint since,
                                   Seconds step);

// Of one replica; 0: no limit.
struct MetricsLimits {
  int cpu_millicores = 0;
  std::int64_t memory_bytes = 0;
  std::int64_t volume_bytes = 0;  // of all volumes together
};

// Whether a limit is far from what was needed, or too near: sentences that name the setting. None
// from less than half an hour.
std::vector<std::string> limit_hints(const MetricsSample&, const MetricsLimits&);

// As openapi.yaml's MetricsPoint.
void append_json(std::string& out, const MetricsSample&);
// The members of its MetricsSummary beside those that name the service.
void append_summary(JsonObject&, const MetricsSample&, const MetricsLimits&);

}  // namespace gantry::api
