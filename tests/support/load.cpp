#include "tests/support/load.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "tests/support/load_loop.hpp"

namespace gantry::testing {

int LoadReport::failed_of(const std::string& version) const {
  return static_cast<int>(std::count_if(failures.begin(), failures.end(), [&](const auto& each) {
    return each.version.empty() || each.version == version;
  }));
}

double LoadReport::percentile(double q) const {
  if (latencies_ms.empty()) return 0;
  std::vector<float> sorted = latencies_ms;
  const auto at = static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  return sorted[at];
}

double LoadReport::span_seconds() const {
  if (failures.empty()) return 0;
  const auto [first, last] =
      std::minmax_element(failures.begin(), failures.end(),
                          [](const auto& a, const auto& b) { return a.at_seconds < b.at_seconds; });
  return last->at_seconds - first->at_seconds;
}

std::string LoadReport::reasons() const {
  std::map<std::string, int> counts;
  for (const LoadFailure& failure : failures)
    ++counts[failure.reason + (failure.version.empty() ? "" : " of " + failure.version)];
  std::string text;
  for (const auto& [reason, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + reason;
  return text;
}

Load::Load(LoadOptions options)
    : options_(std::move(options)),
      thread_([this](const std::stop_token& stop) { LoadLoop(*this, options_).run(stop); }) {}

Load::Load(int port, std::string host, int per_second, std::string path)
    : Load(LoadOptions{.port = port,
                       .host = std::move(host),
                       .per_second = per_second,
                       .path = std::move(path)}) {}

Load::~Load() { thread_.request_stop(); }

std::shared_ptr<Load::Phase> Load::phase() {
  const std::scoped_lock lock(phase_mutex_);
  return phase_;
}

std::shared_ptr<Load::Phase> Load::enter() {
  const std::scoped_lock lock(phase_mutex_);
  ++phase_->under_way;
  return phase_;
}

LoadReport Load::take(const std::string& name) {
  std::shared_ptr<Phase> phase;
  {
    const std::scoped_lock lock(phase_mutex_);
    phase = std::exchange(phase_, std::make_shared<Phase>());
  }
  while (phase->under_way > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const std::scoped_lock lock(phase->mutex);
  const LoadReport& report = phase->report;
  std::printf("%s: requests %d failed %d p50 %.1f p99 %.1f worst %.0f ms", name.c_str(),
              report.sent, report.failed(), report.percentile(0.5), report.percentile(0.99),
              report.worst_ms);
  if (options_.sockets > 0)
    std::printf(" uploads %d downloads %d WebSockets ended %d open %d", report.uploads,
                report.downloads, report.sockets_ended, open_sockets_.load());
  if (report.failed() > 0)
    std::printf(" within %.2f s: %s", report.span_seconds(), report.reasons().c_str());
  std::printf("\n");
  std::fflush(stdout);
  return report;
}

}  // namespace gantry::testing
