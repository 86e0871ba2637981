// Metrics as a test wants them: the same samples, whoever asks.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime/metrics.hpp"

namespace gantry::testing {

class FakeMetrics final : public Metrics {
 public:
  void runs(const InstanceId&, std::vector<std::string>) override {}
  void measured(const std::vector<ReplicaMeasure>&) override {}
  std::vector<MetricsSample> read(const InstanceId& id, TimePoint since, TimePoint until) override {
    asked = id;
    std::vector<MetricsSample> found;
    std::copy_if(samples.begin(), samples.end(), std::back_inserter(found),
                 [&](const MetricsSample& one) { return one.at >= since && one.at < until; });
    return found;
  }

  std::vector<MetricsSample> samples;
  InstanceId asked;
};

}  // namespace gantry::testing
