#include "tests/support/load.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "tests/support/http_client.hpp"

namespace gantry::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kThreads = 48;

std::string word_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key);
  if (at == std::string::npos) return "";
  return text.substr(at + key.size(), text.find_first_of(" \n", at) - at - key.size());
}

}  // namespace

double LoadReport::span_seconds() const {
  if (failures.empty()) return 0;
  const auto [first, last] =
      std::minmax_element(failures.begin(), failures.end(),
                          [](const auto& a, const auto& b) { return a.at_seconds < b.at_seconds; });
  return last->at_seconds - first->at_seconds;
}

std::string LoadReport::reasons() const {
  std::map<std::string, int> counts;
  for (const LoadFailure& failure : failures) ++counts[failure.reason];
  std::string text;
  for (const auto& [reason, count] : counts)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " x " + reason;
  return text;
}

Load::Load(int port, std::string host, int per_second, std::string path)
    : port_(port),
      host_(std::move(host)),
      path_(std::move(path)),
      step_(1'000'000'000 / per_second),
      begin_(Clock::now()) {
  for (int i = 0; i < kThreads; ++i)
    threads_.emplace_back([this](std::stop_token stop) { run(std::move(stop)); });
}

Load::~Load() {
  for (auto& thread : threads_) thread.request_stop();
}

void Load::run(std::stop_token stop) {
  HttpConnection kept(port_);
  while (!stop.stop_requested()) {
    const std::uint64_t mine = next_++;
    std::this_thread::sleep_until(begin_ + mine * step_);
    if (!stop.stop_requested()) one(kept, mine % 2 == 1);
  }
}

void Load::one(HttpConnection& kept, bool fresh) {
  std::shared_ptr<Phase> phase;
  {
    const std::scoped_lock lock(phase_mutex_);
    phase = phase_;
    ++phase->under_way;
  }
  const auto from = Clock::now();
  HttpConnection once(port_);
  HttpConnection& connection = fresh ? once : kept;
  HttpCall call;
  call.path = path_;
  call.host = host_;
  call.timeout_ms = 10000;
  HttpReply reply;
  std::string why = connection.call(call, reply);
  if (why.empty() && reply.status != 200) why = "status " + std::to_string(reply.status);
  if (!why.empty()) why += fresh ? " (new connection)" : " (kept connection)";
  const std::chrono::duration<double> took = Clock::now() - from;
  const std::chrono::duration<double> at = from - begin_;
  {
    const std::scoped_lock lock(phase->mutex);
    LoadReport& report = phase->report;
    ++report.sent;
    report.worst_ms = std::max(report.worst_ms, took.count() * 1000);
    if (!why.empty()) {
      report.failures.push_back({at.count(), why});
    } else {
      ++report.replicas[word_after(reply.body, "replica=")];
      ++report.versions[word_after(reply.body, "version=")];
    }
  }
  --phase->under_way;
}

LoadReport Load::take(const std::string& name) {
  std::shared_ptr<Phase> phase;
  {
    const std::scoped_lock lock(phase_mutex_);
    phase = std::exchange(phase_, std::make_shared<Phase>());
  }
  while (phase->under_way > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const LoadReport& report = phase->report;
  std::printf("%s: requests %d failed %d worst %.0f ms", name.c_str(), report.sent, report.failed(),
              report.worst_ms);
  if (report.failed() > 0)
    std::printf(" within %.2f s: %s", report.span_seconds(), report.reasons().c_str());
  std::printf("\n");
  std::fflush(stdout);
  return report;
}

}  // namespace gantry::testing
