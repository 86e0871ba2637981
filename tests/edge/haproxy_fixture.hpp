// A HAProxy world of its own for each test. Lives for one test, on its thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/edge/config.hpp"
#include "runtime/edge/haproxy.hpp"
#include "runtime/edge/state.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"
#include "tests/edge/worlds.hpp"

namespace gantry {

using Ids = std::set<std::string>;
using std::chrono::milliseconds;

class EdgeHaproxy : public ::testing::Test {
 protected:
  void start() {
    const auto started = world_.edge().start();
    ASSERT_TRUE(started.ok()) << started.error().detail;
  }
  void apply(const std::vector<Route>& changes) {
    const auto applied = world_.edge().apply(changes);
    ASSERT_TRUE(applied.ok()) << applied.error().detail;
  }
  bool supervise() {
    const auto repaired = world_.edge().supervise();
    EXPECT_TRUE(repaired.ok()) << (repaired.ok() ? "" : repaired.error().detail);
    return repaired.ok() && *repaired;
  }
  bool noticed(const std::string& what) const {
    return world_.notices().find(what) != std::string::npos;
  }
  // One route of one replica, running.
  RouteBackend serve_one() {
    start();
    const auto replica = world_.replica(1, 0);
    apply({route(1, {"one.test"}, {replica})});
    return replica;
  }
  void await_death(pid_t pid) {
    for (int i = 0; i < 300 && process_alive(pid, "haproxy"); ++i)
      std::this_thread::sleep_for(milliseconds(10));
    EXPECT_FALSE(process_alive(pid, "haproxy"));
  }
  HaproxyWorld world_;
};

}  // namespace gantry
