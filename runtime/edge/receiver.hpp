// What the proxy says by itself: access lines of measured slots, read from its ring through the
// worker's control socket, and calls of sleeping slots that a request waits for, on a socket of
// ours. One thread of its own; attach() and take() are safe from any thread. It reads and never
// makes the proxy wait. (A ring that sends to a socket of ours would be retried without a pause, at
// the cost of half a core, whenever the daemon is away.)
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "proto/result.hpp"
#include "runtime/edge/access_line.hpp"

namespace gantry {

class ProxyReceiver {
 public:
  // `wake` gets a slot's name, on the receiver's thread, about once a second while it calls.
  using Wake = std::function<void(const std::string& slot)>;

  ProxyReceiver() = default;
  ~ProxyReceiver() { stop(); }
  ProxyReceiver(const ProxyReceiver&) = delete;
  ProxyReceiver& operator=(const ProxyReceiver&) = delete;

  // Started already: succeeds.
  Result<> start(const std::string& worker_socket, const std::string& wake_socket, Wake);
  // The worker whose lines are read from now on. The one before is read a few seconds more, which
  // keeps it alive for so long.
  void attach(pid_t worker);
  void stop();
  // What was measured since the last call.
  std::vector<ReplicaMeasure> take();

 private:
  struct Peer {
    int fd = -1;
    bool wakes = false;
    std::string waiting = {};                                         // the beginning of a line
    std::optional<std::chrono::steady_clock::time_point> until = {};  // then it is let go
  };
  void run();
  int milliseconds_to_wait() const;
  void read_worker();
  void accept_calls();
  bool receive(Peer&);  // false: the peer is done
  void hear(Peer&, std::string_view bytes);
  void call(const std::string& slot);

  Wake wake_;
  std::string worker_socket_;
  int wakes_ = -1, signal_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<pid_t> worker_{0};
  pid_t read_ = 0;  // whose ring is read
  bool reading_ = false;
  std::vector<Peer> peers_;
  std::map<std::string, std::chrono::steady_clock::time_point> called_;
  std::mutex mutex_;  // around measures_
  std::map<ReplicaKey, Measure> measures_;
  std::thread thread_;
};

}  // namespace gantry
