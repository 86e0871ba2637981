// The engine itself goes away, in order and by force, with everything that runs on it.
#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"
#include "tests/support/private_engine.hpp"

namespace gantry::testing {
namespace {

void pause(double seconds) {
  within(seconds, [] { return false; });
}

TEST(E2eEngineRestart, ContainersComeBackAndNothingIsCounted) {
  if (::geteuid() != 0 || ::access("/usr/sbin/dockerd", X_OK) != 0)
    GTEST_SKIP() << "a private engine needs root and dockerd";
  PrivateEngine engine;
  Gantry gantry({.engine_socket = engine.socket()});
  gantry.start();
  const std::string path = gantry.create(
      "web", {{"replicas", 3}, {"restart_max_retries", 1}, {"healthcheck_timeout_seconds", 60}});
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS") << gantry.state_of(path);
  ASSERT_TRUE(gantry.converged(path, 3)) << gantry.state_of(path);
  Load load(gantry.edge_port, gantry.host(path), 100);
  pause(1);
  EXPECT_EQ(load.take("steady").failed(), 0);

  for (const int signal : {SIGTERM, SIGKILL, SIGTERM}) {
    const std::string name = signal == SIGTERM ? "engine stopped" : "engine killed";
    engine.stop(signal);
    EXPECT_EQ(gantry.api("GET", path).status, 200) << "the API answers";
    EXPECT_EQ(gantry.api("PUT", path + "/variables/DURING", {{"value", name}}).status / 100, 2);
    pause(1);
    load.take(name + ", while it is away");
    const auto from = std::chrono::steady_clock::now();
    engine.start();
    EXPECT_TRUE(gantry.converged(path, 3, 60)) << gantry.state_of(path);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
    const auto gap = load.take(name + ", until it was back");
    std::printf("converged %.1f s after the engine's start\n", took.count());
    EXPECT_EQ(gantry.containers().size(), 3u);
    const Json replicas = gantry.get(path + "/replicas");
    for (const Json& replica : replicas["data"])
      EXPECT_EQ(replica["restarts"], 0) << replica.dump();
    pause(1);
    EXPECT_EQ(load.take("after it").failed(), 0);
    EXPECT_EQ(gantry.get(path + "/variables/DURING")["value"], name);
  }
}

}  // namespace
}  // namespace gantry::testing
