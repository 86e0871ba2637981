// Open-loop load through the edge: requests at a constant rate, half of them on kept connections
// and half on new ones, whatever the answers; beside them slow uploads, long downloads and
// WebSockets. A request's time runs from when it should have begun. Every failure is kept with its
// time and reason. Runs on a thread of its own from its making to its end.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace gantry::testing {

struct LoadFailure {
  double at_seconds = 0;  // since the load began
  std::string reason;     // "connect", "reset", "no answer", "truncated", "late", "status 503" ...
  std::string version;    // of who failed; empty: nobody told
};

struct LoadReport {
  int sent = 0;  // requests, uploads and downloads
  int uploads = 0, downloads = 0;
  int sockets_ended = 0;  // WebSockets that lived to their deadline
  double worst_ms = 0;
  std::vector<float> latencies_ms;  // of answered requests, in no order
  std::vector<LoadFailure> failures;
  std::map<std::string, int> replicas, versions;  // who answered requests
  int failed() const { return static_cast<int>(failures.size()); }
  int failed_of(const std::string& version) const;  // also those of whom nobody knows
  double percentile(double q) const;                // milliseconds; 0 without an answer
  double span_seconds() const;                      // from the first failure to the last
  std::string reasons() const;
};

struct LoadOptions {
  int port = 0;
  std::string host = {};
  int per_second = 200;
  std::string path = "/";
  int uploads = 0;    // at once; each body trickles for `slow_seconds`
  int downloads = 0;  // at once; each streams for `slow_seconds`
  int slow_seconds = 3;
  int sockets = 0;          // at once; an echo each 100 ms
  int socket_seconds = 15;  // then closed by this side and opened anew
  int late_ms = 10000;      // an answer that takes longer is a failure
};

class Load {
 public:
  explicit Load(LoadOptions);
  Load(int port, std::string host, int per_second = 200, std::string path = "/");
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // What was begun since the last take; waits until it has ended (WebSockets are not waited for:
  // what became of them in that time counts). Prints a line.
  LoadReport take(const std::string& name);
  int open_sockets() const { return open_sockets_; }

 private:
  friend class LoadLoop;
  struct Phase {
    std::mutex mutex;
    LoadReport report;
    std::atomic<int> under_way{0};
  };
  std::shared_ptr<Phase> phase();
  std::shared_ptr<Phase> enter();  // counted as under way in it

  const LoadOptions options_;
  std::atomic<int> open_sockets_{0};
  std::mutex phase_mutex_;
  std::shared_ptr<Phase> phase_ = std::make_shared<Phase>();
  std::jthread thread_;
};

}  // namespace gantry::testing
