// Samples in files: a folder an instance, in it files of lines that are only appended to, each for
// a span of time; what is too old goes a file at a time. One thread appends and sweeps; any reads.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "proto/result.hpp"
#include "runtime/metrics.hpp"

namespace gantry {

// How long a sample is, and how many of them a file has.
struct MetricsTier {
  Seconds step;
  Seconds file;
};
inline constexpr MetricsTier kMinutes{Seconds(60), Seconds(86400)};
inline constexpr MetricsTier kQuarters{Seconds(900), Seconds(864000)};

class MetricsFiles {
 public:
  explicit MetricsFiles(std::string directory) : directory_(std::move(directory)) {}

  // Errors: unavailable "cannot_write".
  Result<> append(const MetricsTier&, const InstanceId&, const MetricsSample&);
  // Those that begin in [since, until), ascending; damaged lines are left out.
  std::vector<MetricsSample> read(const MetricsTier&, const InstanceId&, TimePoint since,
                                  TimePoint until) const;
  // When the newest one began that is not older than `since`.
  std::optional<TimePoint> newest(const MetricsTier&, const InstanceId&, TimePoint since,
                                  TimePoint now) const;
  // Removes files whose span ended before these, and folders of instances that are not `known`.
  void sweep(const std::set<InstanceId>& known, TimePoint minutes_before,
             TimePoint quarters_before);

 private:
  std::string folder(const InstanceId&) const;
  std::string path(const MetricsTier&, const InstanceId&, TimePoint) const;
  const std::string directory_;
};

}  // namespace gantry
