// What the proxy says by itself: access lines of measured slots, and calls of sleeping slots that a
// request waits for. Listens on two unix sockets with one thread of its own; take() is safe from
// any thread. Never waits for the proxy, nor makes it wait.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

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
  Result<> start(const std::string& access_socket, const std::string& wake_socket, Wake);
  void stop();
  // What was measured since the last call.
  std::vector<ReplicaMeasure> take();

 private:
  struct Peer {
    int fd = -1;
    bool wakes = false;
    LineFrames lines;     // access
    std::string waiting;  // wake: the beginning of a line
  };
  void run();
  void accept_all(int listener, bool wakes);
  bool receive(Peer&);  // false: the peer is done
  void hear(Peer&, std::string_view bytes);
  void call(const std::string& slot);

  Wake wake_;
  int access_ = -1, wakes_ = -1, stop_ = -1;
  std::vector<Peer> peers_;
  std::map<std::string, std::chrono::steady_clock::time_point> called_;
  std::mutex mutex_;  // around measures_
  std::map<ReplicaKey, Measure> measures_;
  std::thread thread_;
};

}  // namespace gantry
