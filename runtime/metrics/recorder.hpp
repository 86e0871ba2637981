// Keeps what instances use: looks at their containers and at the edge, adds it up by the minute and
// the quarter of an hour, appends what is over to files. A daemon that is killed loses the minute
// that it was in. runs(), measured() and read() from any thread; the rest is its own thread's.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "proto/snapshot.hpp"
#include "runtime/edge/edge.hpp"
#include "runtime/metrics.hpp"
#include "runtime/metrics/container_meter.hpp"
#include "runtime/metrics/files.hpp"

namespace gantry {

struct MetricsOptions {
  std::string directory;
  int days = 30;                // that quarters of an hour are kept; minutes for two
  Duration look = Seconds(10);  // at the containers, at least ...
  Duration most = Seconds(60);  // ... and at most; between them so that looking takes a fiftieth
  Duration sweep = Seconds(3600);
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

struct MetricsPorts {
  Edge& edge;
  ContainerMeter& meter;
  const Clock& clock;
  std::function<std::vector<ProjectPtr>()> projects;  // whose volumes and instances count
};

class MetricsRecorder final : public Metrics {
 public:
  MetricsRecorder(MetricsPorts ports, MetricsOptions options);
  ~MetricsRecorder() override { stop(); }

  void start();
  void stop();  // what is open is written

  void runs(const InstanceId&, std::vector<std::string> container_ids) override;
  void measured(const std::vector<ReplicaMeasure>&) override;
  std::vector<MetricsSample> read(const InstanceId&, TimePoint since, TimePoint until) override;

  // What its thread does in turn; for tests.
  void look(TimePoint now);
  void sweep(TimePoint now);

 private:
  struct Open {
    std::vector<std::string> containers;
    MetricsSample minute, quarter;  // `at` is not set: nothing is in it, or only times of answers
    bool caught_up = false;         // what earlier daemons measured of this quarter is in it
  };
  struct Look {  // of one container
    ContainerCounters counters;
    TimePoint at{};
  };
  using Looks = std::map<std::string, Look>;
  using Samples = std::map<InstanceId, MetricsSample>;

  void look_at_containers(TimePoint now, Samples&);
  void look_at_edge(Samples&);
  void look_at_volumes(Samples&) const;
  void close_minutes(TimePoint now);
  void close_quarters(TimePoint now);
  MetricsSample catch_up(const InstanceId&, TimePoint now);
  void append(const MetricsTier&, const Samples&);

  const MetricsPorts ports_;
  const MetricsOptions options_;
  MetricsFiles files_;
  std::mutex mutex_;
  std::map<InstanceId, Open> open_;  // guarded by mutex_
  Looks looks_;
  std::map<InstanceId, std::array<std::uint64_t, 5>> responses_;
  bool told_ = false;
  std::jthread thread_;
};

}  // namespace gantry
