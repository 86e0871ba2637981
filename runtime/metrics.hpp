// What instances used and answered over time: the port by which it is measured and read. Any
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/model.hpp"
#include "runtime/edge/measure.hpp"

namespace gantry {

// What one instance did from `at` on, all its replicas together. Samples that follow each other add
// up to one of a longer span.
struct MetricsSample {
  TimePoint at{};
  double seconds = 0;                                // measured of that span; 0: no container ran
  int replicas = 0;                                  // the most at once
  double cpu_millicores = 0;                         // on average
  double cpu_peak_millicores = 0;                    // between two looks
  double memory_bytes = 0;                           // on average, without the page cache
  double memory_peak_bytes = 0;                      // at a look
  std::uint64_t received_bytes = 0, sent_bytes = 0;  // by the containers, to and from anybody
  std::optional<std::int64_t> volume_bytes = {};     // when last measured; absent: no volume
  std::array<std::uint64_t, 5> responses{};          // by the edge: 1xx to 5xx
  Histogram latency;  // of answers that the edge measured: all, or a share where there are many

  // `at` stays the earlier one of the two.
  void add(const MetricsSample&);
  bool operator==(const MetricsSample&) const = default;
};

// How long the samples are that are kept of a moment: minutes of the last day, before it quarters
// of an hour.
inline Seconds metrics_step(TimePoint since, TimePoint now) {
  constexpr Seconds minute(60), quarter(900), day(86400);
  return since >= now - day - quarter ? minute : quarter;
}

class Metrics {
 public:
  virtual ~Metrics() = default;

  // The containers that an instance has now; none: it is gone or stands still.
  virtual void runs(const InstanceId&, std::vector<std::string> container_ids) = 0;
  // What the edge measured since the last time.
  virtual void measured(const std::vector<ReplicaMeasure>&) = 0;
  // Ascending, also the one that is not over yet; each as long as metrics_step() says of `since`.
  virtual std::vector<MetricsSample> read(const InstanceId&, TimePoint since, TimePoint until) = 0;
};

}  // namespace gantry
