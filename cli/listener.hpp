// Ports of this machine that lead into an environment: each accepted connection is a session of its
// own. Threads of its own until it is dropped.
#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "cli/client.hpp"

namespace gantry::cli {

struct TunnelTarget {
  std::string instance_path;  // of the service, as Place gives it
  int port = 0;               // 0: the service's own
};

class Listener {
 public:
  // On 127.0.0.1; port 0: any that is free. Throws Failure when it is taken. `note` is told of
  // connections that could not be made; on a thread of the listener's.
  Listener(Access access, TunnelTarget target, int port,
           std::function<void(const std::string&)> note);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }

 private:
  struct Connection {
    int fd = -1;
    std::atomic<bool> over{false};
    std::thread thread;
  };
  void accept_all();
  void carry(int fd);
  void bury(bool all);

  const Access access_;
  const TunnelTarget target_;
  const std::function<void(const std::string&)> note_;
  int fd_ = -1, port_ = 0;
  std::list<Connection> connections_;  // the accepting thread's
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace gantry::cli
