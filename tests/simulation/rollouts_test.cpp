// Each strategy step by step on the simulated engine and edge.
#include <gtest/gtest.h>

#include "tests/simulation/stage.hpp"

namespace gantry::tests {
namespace {

DeploySettings of(Strategy strategy, int replicas = 3) {
  DeploySettings deploy;
  deploy.replicas = replicas;
  deploy.rollout.strategy = strategy;
  return deploy;
}

class SimulationRollout : public ::testing::Test {
 protected:
  SimulationRollout() {
    for (const char* image : {"web:1", "web:2", "web:3"}) stage.add_image(image);
  }
  void TearDown() override {
    for (const std::string& violation : stage.violations) ADD_FAILURE() << violation;
  }
  InstanceId serving(DeploySettings deploy) {
    api = stage.create_service("api", deploy);
    first = stage.deploy(api, "web:1");
    EXPECT_TRUE(stage.settle());
    EXPECT_EQ(stage.status(first), DeploymentStatus::success);
    stage.least_receivers = 1000;
    return api;
  }
  int receivers_of(const DeploymentId& id) const {
    int count = 0;
    for (const ReplicaKey& key : stage.receivers(api)) count += key.deployment_id == id;
    return count;
  }
  int running_of(const DeploymentId& id) const {
    int count = 0;
    for (const ReplicaKey& key : stage.running()) count += key.deployment_id == id;
    return count;
  }
  // Requests of the present step: `errors` of them failed, each took `milliseconds`.
  void measure(const DeploymentId& id, int requests, int errors, double milliseconds) {
    Measure measure;
    measure.requests = static_cast<std::uint64_t>(requests);
    measure.errors = static_cast<std::uint64_t>(errors);
    measure.latency.add(milliseconds, static_cast<std::uint64_t>(requests));
    stage.measure(api, {{api, {id, 0, 0}, measure}});
  }

  Stage stage;
  InstanceId api;
  DeploymentId first;
};

TEST_F(SimulationRollout, WhatCrashesWhileItIsWatchedIsTakenBack) {
  DeploySettings deploy = of(Strategy::rolling);
  deploy.rollout.observe_seconds = 60;
  serving(deploy);
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(10));
  EXPECT_EQ(receivers_of(second), 3);
  EXPECT_EQ(stage.status(second), DeploymentStatus::deploying);
  EXPECT_EQ(running_of(first), 3) << "kept until the new one has proved itself";
  stage.run_for(Seconds(10));
  stage.engine.exit({second, 0, 1}, 1);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("exited with code 1"), std::string::npos)
      << stage.reason(second);
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(receivers_of(first), 3);
}

TEST_F(SimulationRollout, ASmallSurgeReplacesOneByOne) {
  DeploySettings deploy = of(Strategy::rolling, 4);
  deploy.rollout.max_surge_percent = 25;
  serving(deploy);
  const DeploymentId second = stage.deploy(api, "web:2");
  std::size_t most = 0;
  bool mixed = false;
  for (int i = 0; i < 600 && stage.status(second) != DeploymentStatus::success; ++i) {
    stage.run_for(std::chrono::milliseconds(100));
    most = std::max(most, stage.running().size());
    mixed = mixed || (receivers_of(first) > 0 && receivers_of(second) > 0);
  }
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(most, 5u);
  EXPECT_TRUE(mixed);
  EXPECT_EQ(stage.least_receivers, 4);
  EXPECT_EQ(receivers_of(second), 4);
}

TEST_F(SimulationRollout, WithoutASurgeOneIsMissingAtMost) {
  DeploySettings deploy = of(Strategy::rolling, 4);
  deploy.rollout.max_surge_percent = 0;
  deploy.rollout.max_unavailable_percent = 25;
  serving(deploy);
  const DeploymentId second = stage.deploy(api, "web:2");
  std::size_t most = 0;
  for (int i = 0; i < 600 && stage.status(second) != DeploymentStatus::success; ++i) {
    stage.run_for(std::chrono::milliseconds(100));
    most = std::max(most, stage.running().size());
  }
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(most, 4u);
  EXPECT_EQ(stage.least_receivers, 3);
}

TEST_F(SimulationRollout, AVersionThatFailsHalfwayGivesBackWhatItTook) {
  DeploySettings deploy = of(Strategy::rolling, 4);
  deploy.rollout.max_surge_percent = 25;
  deploy.healthcheck_timeout_seconds = 20;
  serving(deploy);
  const DeploymentId second = stage.deploy(api, "web:2");
  while (receivers_of(second) < 2) stage.run_for(std::chrono::milliseconds(50));
  stage.set_sick({second, 0, 2}, true);
  stage.set_sick({second, 0, 3}, true);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_EQ(receivers_of(first), 4);
  EXPECT_EQ(stage.running().size(), 4u);
  EXPECT_EQ(stage.least_receivers, 4);
}

TEST_F(SimulationRollout, RecreateSaysSoAndStopsFirst) {
  serving(of(Strategy::recreate, 1));
  const DeploymentId second = stage.deploy(api, "web:2");
  std::size_t most = 0;
  bool said = false;
  for (int i = 0; i < 1000 && stage.status(second) != DeploymentStatus::success; ++i) {
    stage.run_for(std::chrono::milliseconds(10));
    most = std::max(most, stage.running().size());
    said = said || stage.reason(second).find("interrupted") != std::string::npos;
    if (!said) {
      EXPECT_EQ(receivers_of(first), 1);
    }
  }
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(said);
  EXPECT_EQ(most, 1u);
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(receivers_of(second), 1);
}

TEST_F(SimulationRollout, BlueGreenWaitsBehindItsPreviewUntilItIsPromoted) {
  serving(of(Strategy::blue_green));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(120));
  EXPECT_EQ(stage.status(second), DeploymentStatus::deploying);
  EXPECT_EQ(stage.reason(second).rfind("ready for promotion at api-production-preview", 0), 0u)
      << stage.reason(second);
  EXPECT_EQ(receivers_of(first), 3);
  EXPECT_EQ(receivers_of(second), 0);
  EXPECT_EQ(stage.previewed(api), second);
  EXPECT_EQ(running_of(second), 3);

  stage.order(second, RolloutOrder::promote);
  stage.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(receivers_of(second), 3);
  EXPECT_EQ(receivers_of(first), 0);
  stage.run_for(Seconds(60));
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(running_of(first), 3) << "kept for a way back";
  EXPECT_EQ(stage.previewed(api), first);
  EXPECT_EQ(stage.least_receivers, 3);
  stage.run_for(Seconds(3700));
  EXPECT_EQ(stage.status(first), DeploymentStatus::removed);
  EXPECT_EQ(running_of(first), 0);
}

TEST_F(SimulationRollout, TheKeptColourIsBackAtOnce) {
  serving(of(Strategy::blue_green));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  stage.order(second, RolloutOrder::promote);
  stage.run_for(Seconds(60));
  ASSERT_EQ(stage.status(second), DeploymentStatus::success);
  stage.remove(second);
  stage.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(receivers_of(first), 3);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.status(second), DeploymentStatus::removed);
  EXPECT_EQ(stage.least_receivers, 3);
}

TEST_F(SimulationRollout, WhatNobodyPromotesIsGivenUp) {
  serving(of(Strategy::blue_green));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(std::chrono::hours(25));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_EQ(running_of(second), 0);
  EXPECT_EQ(receivers_of(first), 3);
}

TEST_F(SimulationRollout, ACanaryGoesStepByStep) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  EXPECT_EQ(running_of(second), 1);
  EXPECT_NEAR(stage.share(api, second), 0.10, 0.01);
  measure(first, 900, 1, 20);
  measure(second, 110, 0, 20);
  stage.run_for(Seconds(901));
  stage.run_for(Seconds(10));
  EXPECT_EQ(running_of(second), 2);
  EXPECT_NEAR(stage.share(api, second), 0.50, 0.01);
  measure(first, 500, 0, 20);
  measure(second, 500, 1, 21);
  stage.run_for(Seconds(901));
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(receivers_of(second), 4);
  EXPECT_EQ(running_of(first), 0);
  EXPECT_EQ(stage.least_receivers, 4);
}

TEST_F(SimulationRollout, ACanaryThatFailsMoreIsTakenBack) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  measure(first, 900, 0, 20);
  measure(second, 100, 6, 20);
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("6.0 % of its 100 requests failed"), std::string::npos)
      << stage.reason(second);
  EXPECT_EQ(receivers_of(second), 0);
  EXPECT_EQ(receivers_of(first), 4);
}

TEST_F(SimulationRollout, WhatIsOnlyLikelyToBeWorseDoesNotGetTheNextStep) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  measure(first, 1000, 1, 20);
  measure(second, 110, 3, 20);
  stage.run_for(Seconds(800));
  EXPECT_EQ(stage.status(second), DeploymentStatus::deploying) << "too little to end it at once";
  stage.run_for(Seconds(110));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_EQ(receivers_of(second), 0);
}

TEST_F(SimulationRollout, ASlowCanaryIsTakenBack) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  measure(first, 900, 0, 20);
  measure(second, 100, 0, 60);
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("p95"), std::string::npos) << stage.reason(second);
}

TEST_F(SimulationRollout, ACanaryWithoutRequestsIsNoSuccess) {
  serving(of(Strategy::canary));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(3700));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("0 requests of its own"), std::string::npos)
      << stage.reason(second);
}

TEST_F(SimulationRollout, APausedCanaryStaysAndAPromotedOneGoesOn) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  stage.order(second, RolloutOrder::pause);
  measure(first, 900, 0, 20);
  measure(second, 900, 0, 20);
  stage.run_for(Seconds(4000));
  EXPECT_EQ(stage.status(second), DeploymentStatus::deploying);
  EXPECT_NEAR(stage.share(api, second), 0.10, 0.01);
  stage.order(second, RolloutOrder::promote);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(stage.least_receivers, 4);
}

TEST_F(SimulationRollout, AnAbortedCanaryLeavesTheStableVersion) {
  serving(of(Strategy::canary, 4));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.run_for(Seconds(30));
  stage.remove(second);
  stage.run_for(Seconds(5));
  EXPECT_EQ(receivers_of(second), 0);
  EXPECT_EQ(receivers_of(first), 4);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::removed);
}

TEST_F(SimulationRollout, AnIdleServiceSleepsAndARequestWakesIt) {
  DeploySettings deploy = of(Strategy::rolling, 1);
  deploy.sleep = {.enabled = true, .idle_seconds = 60};
  serving(deploy);
  stage.load({api, 10, 1, 0});
  stage.run_for(Seconds(120));
  EXPECT_EQ(stage.status(first), DeploymentStatus::success) << "a request is under way";
  stage.load({api, 10, 0, 0});
  stage.run_for(Seconds(120));
  EXPECT_EQ(stage.status(first), DeploymentStatus::sleeping);
  EXPECT_TRUE(stage.running().empty());
  stage.wake(api);
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(receivers_of(first), 1);
}

TEST_F(SimulationRollout, LoadMovesTheNumberOfReplicasWithHysteresis) {
  DeploySettings deploy = of(Strategy::rolling, 1);
  deploy.scaling.max_replicas = 4;
  deploy.scaling.concurrency = 10;
  serving(deploy);
  const auto see = [&](int sessions, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      stage.load({api, 1, sessions, 0});
      stage.run_for(Seconds(1));
    }
  };
  see(35, 10);
  EXPECT_EQ(receivers_of(first), 1) << "not for a moment's peak";
  see(35, 10);
  EXPECT_EQ(receivers_of(first), 4);
  see(15, 100);
  EXPECT_EQ(receivers_of(first), 4);
  see(15, 300);
  EXPECT_EQ(receivers_of(first), 2);
  see(200, 30);
  EXPECT_EQ(receivers_of(first), 4) << "at most max_replicas";
}

TEST_F(SimulationRollout, AHostThatMovesIsNeverNowhere) {
  serving(of(Strategy::rolling, 2));
  const InstanceId green = stage.create_service("green", of(Strategy::rolling, 2));
  stage.deploy(green, "web:2");
  stage.give_host(api, "api.example.com");
  ASSERT_TRUE(stage.settle());
  ASSERT_TRUE(stage.edge.knows_host("api.example.com"));
  stage.watch_host("api.example.com");
  stage.give_host(green, "api.example.com");
  ASSERT_TRUE(stage.settle());
  const auto now = stage.edge.receivers("api.example.com");
  ASSERT_EQ(now.size(), 2u);
  EXPECT_EQ(stage.edge.receivers(stage.host(green)), now);
}

}  // namespace
}  // namespace gantry::tests
