// Open-loop load through the edge: a constant rate, half of it on kept connections and half on new
// ones, whatever the answers. Every failure is kept with its time and reason. Runs on threads of
// its own from its making to its end.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::testing {

struct LoadFailure {
  double at_seconds = 0;  // since the load began
  std::string reason;
};

struct LoadReport {
  int sent = 0;
  double worst_ms = 0;
  std::vector<LoadFailure> failures;
  std::map<std::string, int> replicas, versions;  // who answered
  int failed() const { return static_cast<int>(failures.size()); }
  double span_seconds() const;  // from the first failure to the last
  std::string reasons() const;
};

class Load {
 public:
  Load(int port, std::string host, int per_second = 200, std::string path = "/");
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // What was begun since the last take; waits until it has ended. Prints "requests N failed M".
  LoadReport take(const std::string& name);

 private:
  struct Phase {
    std::mutex mutex;
    LoadReport report;
    std::atomic<int> under_way{0};
  };
  void run(std::stop_token stop);
  void one(class HttpConnection& kept, bool fresh);

  const int port_;
  const std::string host_;
  const std::string path_;
  const std::chrono::nanoseconds step_;
  const std::chrono::steady_clock::time_point begin_;
  std::atomic<std::uint64_t> next_{0};
  std::mutex phase_mutex_;
  std::shared_ptr<Phase> phase_ = std::make_shared<Phase>();
  std::vector<std::jthread> threads_;
};

}  // namespace gantry::testing
