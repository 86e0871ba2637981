// One thread that waits for notifications of other writers: LISTEN gantry on a connection of its
// own. It reconnects by itself, and reads everything again after it did. Owned by PgStore.
#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "proto/id.hpp"

namespace gantry {

class DatabaseListener {
 public:
  struct Callbacks {
    std::function<bool(int backend_pid)> is_own;
    std::function<bool()> reload;  // false: the database cannot be reached
    std::function<void(const std::set<InstanceId>&)> changed;
    std::function<void()> missed;  // anything may have changed
  };
  DatabaseListener(std::string database, Callbacks callbacks)
      : database_(std::move(database)), callbacks_(std::move(callbacks)) {}
  // Comes back when it listens, or knows that it has to catch up: a reload after it misses nothing.
  void start();
  // Something was missed: asks for a reload within a second, also without a notification.
  void wake() { wanted_ = true; }

 private:
  void run(const std::stop_token&);
  void listen(const std::stop_token&);
  void tell_started();

  const std::string database_;
  const Callbacks callbacks_;
  std::atomic<bool> wanted_ = false;
  std::atomic<bool> started_ = false;
  std::jthread thread_;
};

}  // namespace gantry
