#include "runtime/metrics/recorder.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/metrics/sample.hpp"

namespace gantry {
namespace {

constexpr Seconds kDay{86400};
constexpr int kRest = 50;  // times as long as a look took

}  // namespace

MetricsRecorder::MetricsRecorder(MetricsPorts ports, MetricsOptions options)
    : ports_(std::move(ports)), options_(std::move(options)), files_(options_.directory) {}

void MetricsRecorder::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any changed;
    TimePoint swept{};
    while (!stop.stop_requested()) {
      const TimePoint now = ports_.clock.now();
      look(now);
      if (now >= swept + options_.sweep || now < swept) {
        sweep(now);
        swept = now;
      }
      const Duration rest = (ports_.clock.now() - now) * kRest;
      changed.wait_for(lock, stop, std::clamp(rest, options_.look, options_.most),
                       [] { return false; });
    }
  });
}

void MetricsRecorder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  Samples minutes;
  for (const auto& [id, open] : open_)
    if (open.minute.at != TimePoint()) minutes.emplace(id, open.minute);
  append(kMinutes, minutes);
}

void MetricsRecorder::runs(const InstanceId& id, std::vector<std::string> container_ids) {
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(id);
  if (found == open_.end() && container_ids.empty()) return;
  open_[id].containers = std::move(container_ids);
}

void MetricsRecorder::measured(const std::vector<ReplicaMeasure>& measures) {
  if (measures.empty()) return;
  const std::scoped_lock lock(mutex_);
  for (const ReplicaMeasure& one : measures)
    open_[one.instance_id].minute.latency.add(one.measure.latency);
}

std::vector<MetricsSample> MetricsRecorder::read(const InstanceId& id, TimePoint since,
                                                 TimePoint until) {
  const MetricsTier& tier =
      metrics_step(since, ports_.clock.now()) == kMinutes.step ? kMinutes : kQuarters;
  since = slot_of(since, tier.step);
  MetricsSample now;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = open_.find(id); found != open_.end()) {
      const Open& open = found->second;
      if (&tier == &kQuarters) now = open.quarter;
      if (open.minute.at != TimePoint()) now.add(open.minute);
    }
  }
  auto samples = files_.read(tier, id, since, until);
  if (now.at != TimePoint()) now.at = slot_of(now.at, tier.step);
  if (now.at >= since && now.at < until) samples.push_back(now);
  return samples;
}

void MetricsRecorder::look(TimePoint now) {
  close_minutes(now);
  close_quarters(now);
  Samples seen;
  look_at_containers(now, seen);
  look_at_edge(seen);
  look_at_volumes(seen);
  const TimePoint minute = slot_of(now, kMinutes.step);
  const std::scoped_lock lock(mutex_);
  for (auto& [id, sample] : seen) {
    sample.at = minute;
    open_[id].minute.add(sample);
  }
  for (auto& [id, open] : open_)
    if (open.minute.latency.count() > 0 && open.minute.at == TimePoint()) open.minute.at = minute;
}

// What is used between two looks belongs to the minute of the second one.
void MetricsRecorder::look_at_containers(TimePoint now, Samples& seen) {
  std::vector<std::pair<InstanceId, std::vector<std::string>>> running;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, open] : open_)
      if (!open.containers.empty()) running.emplace_back(id, open.containers);
  }
  Looks looks;
  for (const auto& [id, containers] : running) {
    MetricsSample sample;
    for (const std::string& container : containers) {
      const auto counters = ports_.meter.read(container);
      if (!counters) continue;
      ++sample.replicas;
      sample.memory_bytes += counters->memory_bytes;
      looks.emplace(container, Look{*counters, now});
      const auto before = looks_.find(container);
      if (before == looks_.end() || before->second.at >= now) continue;
      const ContainerCounters& then = before->second.counters;
      const double span = std::chrono::duration<double>(now - before->second.at).count();
      sample.seconds = std::max(sample.seconds, span);
      sample.cpu_millicores +=
          std::max(counters->cpu_nanoseconds - then.cpu_nanoseconds, 0.0) / span / 1e6;
      if (counters->received_bytes >= then.received_bytes)
        sample.received_bytes += counters->received_bytes - then.received_bytes;
      if (counters->sent_bytes >= then.sent_bytes)
        sample.sent_bytes += counters->sent_bytes - then.sent_bytes;
    }
    if (sample.replicas == 0) continue;
    sample.cpu_peak_millicores = sample.cpu_millicores;
    sample.memory_peak_bytes = sample.memory_bytes;
    seen.emplace(id, sample);
  }
  looks_ = std::move(looks);
  if (!running.empty() && looks_.empty() && !told_) {
    told_ = true;
    options_.log(
        "metrics: what containers use is unknown: none of them has a cgroup below /sys/fs/cgroup "
        "on this machine");
  }
}

// The proxy's counters begin anew with it, and become less when a worker that a reload left ends:
// then nothing is counted once.
void MetricsRecorder::look_at_edge(Samples& seen) {
  const auto loads = ports_.edge.load();
  if (!loads) return;
  decltype(responses_) now;
  for (const RouteLoad& load : *loads) {
    now.emplace(load.instance_id, load.responses);
    const auto before = responses_.find(load.instance_id);
    if (before == responses_.end()) continue;
    for (std::size_t i = 0; i < load.responses.size(); ++i)
      if (load.responses[i] > before->second[i])
        seen[load.instance_id].responses[i] += load.responses[i] - before->second[i];
  }
  responses_ = std::move(now);
}

void MetricsRecorder::look_at_volumes(Samples& seen) const {
  for (const ProjectPtr& project : ports_.projects())
    for (const auto& [id, volume] : project->volumes) {
      if (volume->deleted_at || !volume->used_bytes) continue;
      const auto found = seen.find(volume->instance_id);
      if (found == seen.end()) continue;
      found->second.volume_bytes = found->second.volume_bytes.value_or(0) + *volume->used_bytes;
    }
}

void MetricsRecorder::close_minutes(TimePoint now) {
  const TimePoint minute = slot_of(now, kMinutes.step);
  Samples over;
  std::vector<InstanceId> strange;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [id, open] : open_) {
      if (open.minute.at == TimePoint() || open.minute.at == minute) continue;
      over.emplace(id, std::exchange(open.minute, {}));
      if (!open.caught_up) strange.push_back(id);
    }
  }
  Samples earlier;
  for (const InstanceId& id : strange) earlier.emplace(id, catch_up(id, over.at(id).at));
  append(kMinutes, over);
  Samples quarters;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, sample] : earlier) {
      open_[id].caught_up = true;
      if (sample.at != TimePoint()) open_[id].quarter = sample;
    }
    for (auto& [id, sample] : over) {
      MetricsSample& quarter = open_[id].quarter;
      const TimePoint begin = slot_of(sample.at, kQuarters.step);
      if (quarter.at != TimePoint() && quarter.at != begin)
        quarters.emplace(id, std::exchange(quarter, {}));
      quarter.add(sample);
      quarter.at = begin;
    }
  }
  append(kQuarters, quarters);
}

// Also of those that stand still meanwhile; who has nothing open is forgotten.
void MetricsRecorder::close_quarters(TimePoint now) {
  const TimePoint begin = slot_of(now, kQuarters.step);
  Samples over;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [id, open] : open_)
      if (open.quarter.at != TimePoint() && open.quarter.at != begin)
        over.emplace(id, std::exchange(open.quarter, {}));
    std::erase_if(open_, [](const auto& one) {
      const Open& open = one.second;
      return open.containers.empty() && open.minute == MetricsSample() &&
             open.quarter == MetricsSample();
    });
  }
  append(kQuarters, over);
}

// What a daemon before this one appended by the minute and not yet by the quarter: those that are
// over are appended, the one of `now` is given back.
MetricsSample MetricsRecorder::catch_up(const InstanceId& id, TimePoint now) {
  const auto last = files_.newest(kQuarters, id, now - kDay, now);
  const TimePoint from = last ? *last + kQuarters.step : now - kDay;
  MetricsSample open;
  const auto close = [&] {
    if (open.at != TimePoint()) append(kQuarters, {{id, open}});
    open = {};
  };
  for (const MetricsSample& sample : files_.read(kMinutes, id, from, now + kMinutes.step)) {
    const TimePoint begin = slot_of(sample.at, kQuarters.step);
    if (open.at != begin) close();
    open.add(sample);
    open.at = begin;
  }
  if (open.at != slot_of(now, kQuarters.step)) close();
  return open;
}

void MetricsRecorder::append(const MetricsTier& tier, const Samples& samples) {
  std::optional<Error> failed;
  for (const auto& [id, sample] : samples)
    if (const auto kept = files_.append(tier, id, sample); !kept) failed = kept.error();
  if (failed) options_.log("metrics not kept detail=\"" + failed->detail + "\"");
}

void MetricsRecorder::sweep(TimePoint now) {
  std::set<InstanceId> known;
  for (const ProjectPtr& project : ports_.projects())
    for (const auto& [id, view] : project->instances) known.insert(id);
  files_.sweep(known, now - kDay - kQuarters.step, now - Seconds(kDay) * options_.days);
}

}  // namespace gantry
