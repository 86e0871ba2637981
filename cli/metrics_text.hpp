// Metrics as a person reads them. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/json.hpp"

namespace gantry::cli {

struct MetricsWish {
  bool cpu = false, memory = false, network = false, volume = false, http = false;
  bool exact = false;  // bytes and millicores as they are
};

// Of one service: a MetricsSummary of the contract.
std::string metrics_report(const Json& summary, const MetricsWish&);
// Its course: the answer of .../services/{service}/metrics, a row a point.
std::string metrics_course(const Json& answer, const MetricsWish&);
// Of several: a row each, then the hints.
std::string metrics_overview(const std::vector<Json>& summaries, const MetricsWish&);

}  // namespace gantry::cli
