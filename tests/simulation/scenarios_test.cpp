// What an operator would expect, step by step, on the simulated engine.
#include <gtest/gtest.h>

#include "tests/simulation/stage.hpp"

namespace gantry::tests {
namespace {

DeploySettings three() {
  DeploySettings deploy;
  deploy.replicas = 3;
  return deploy;
}

class Simulation : public ::testing::Test {
 protected:
  Simulation() {
    stage.add_image("web:1");
    stage.add_image("web:2");
    stage.add_image("closed:1", {false, Duration(0)}, {{8080}, {}, std::nullopt});
    stage.add_image("worker:1", {false, Duration(0)}, {});
    stage.add_image("exits:1", {false, Duration(0)}, {{8080}, {}, 3});
  }
  void TearDown() override {
    for (const std::string& violation : stage.violations) ADD_FAILURE() << violation;
  }
  ReplicaKey key(const DeploymentId& id, int ordinal, int epoch = 0) {
    return {id, epoch, ordinal};
  }

  Stage stage;
};

TEST_F(Simulation, DeploysThreeReplicasAndRoutesThem) {
  const InstanceId api = stage.create_service("api", three());
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(stage.edge.knows_host(stage.host(api)));
  EXPECT_TRUE(stage.receivers(api).empty());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.receivers(api).size(), 3u);
  EXPECT_EQ(stage.running().size(), 3u);
}

TEST_F(Simulation, ReplacesWithoutEverServingFewer) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.least_receivers = 1000;
  const DeploymentId second = stage.deploy(api, "web:2");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  EXPECT_EQ(stage.status(first), DeploymentStatus::removed);
  EXPECT_EQ(stage.least_receivers, 3);
  EXPECT_EQ(stage.running().size(), 3u);
}

TEST_F(Simulation, RestartIsARolloutToo) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.least_receivers = 1000;
  stage.restart(api);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.least_receivers, 3);
  ASSERT_EQ(stage.running().size(), 3u);
  for (const ReplicaKey& one : stage.running()) EXPECT_EQ(one.epoch, 1);
}

TEST_F(Simulation, AWorkerIsReplacedOnlyOnceTheNewOneHasSettled) {
  DeploySettings deploy;
  deploy.port = 0;
  const InstanceId worker = stage.create_service("worker", deploy);
  const DeploymentId first = stage.deploy(worker, "worker:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  stage.restart(worker);
  stage.run_for(Seconds(1));
  EXPECT_EQ(stage.running().size(), 2u);
  ASSERT_TRUE(stage.settle());
  ASSERT_EQ(stage.running().size(), 1u);
  EXPECT_EQ(stage.running()[0].epoch, 1);
}

TEST_F(Simulation, AServiceWithoutAPortSucceedsThoughNothingListens) {
  const InstanceId worker = stage.create_service("worker");
  const DeploymentId first = stage.deploy(worker, "worker:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_TRUE(stage.receivers(worker).empty());
}

TEST_F(Simulation, AHealthPathThatNeverAnswersIsNoSuccessWithoutAKnownPortEither) {
  stage.add_image("sick:1", {false, Duration(0)}, {{}, {}, std::nullopt});
  DeploySettings deploy = three();
  deploy.healthcheck_path = "/health";
  deploy.healthcheck_timeout_seconds = 30;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "sick:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::failed);
}

TEST_F(Simulation, AClosedPortFailsWithItsReasonAndLeavesTheOldVersion) {
  DeploySettings deploy = three();
  deploy.healthcheck_timeout_seconds = 20;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.least_receivers = 1000;
  const DeploymentId second = stage.deploy(api, "closed:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("3/3 replicas never became healthy: connection refused"),
            std::string::npos)
      << stage.reason(second);
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.least_receivers, 3);
  EXPECT_EQ(stage.running().size(), 3u);
}

TEST_F(Simulation, AnUnknownImageFailsAtOnce) {
  const InstanceId api = stage.create_service("api");
  const DeploymentId first = stage.deploy(api, "nowhere:1");
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.status(first), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(first).find("nowhere:1"), std::string::npos) << stage.reason(first);
  EXPECT_TRUE(stage.engine.all().empty());
}

TEST_F(Simulation, AProgramThatExitsUsesUpItsRestarts) {
  DeploySettings deploy;
  deploy.restart_max_retries = 3;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "exits:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::failed);
  EXPECT_EQ(stage.reason(first), "replica 0 exited with code 3; its 3 restarts are used up");
  EXPECT_EQ(stage.engine.calls().start, 4);
  EXPECT_TRUE(stage.engine.all().empty());
}

TEST_F(Simulation, AKilledReplicaIsReplacedWhileTheOthersServe) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  const int starts = stage.engine.calls().start;
  stage.engine.exit(key(first, 1), 137);
  stage.run_for(std::chrono::milliseconds(1));
  EXPECT_EQ(stage.engine.calls().start, starts + 1) << "the first restart is at once";
  stage.run_for(Seconds(2));
  EXPECT_EQ(stage.receivers(api).size(), 3u);
  stage.engine.destroy(key(first, 2));
  stage.run_for(Seconds(2));
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

TEST_F(Simulation, ACrashLoopEndsAsCrashed) {
  DeploySettings deploy;
  deploy.restart_max_retries = 2;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  for (int i = 0; i < 3; ++i) {
    stage.engine.exit(key(first, 0), 1);
    stage.run_for(Seconds(5));
  }
  EXPECT_EQ(stage.status(first), DeploymentStatus::crashed);
  EXPECT_TRUE(stage.receivers(api).empty());
  stage.crash_now();
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::crashed)
      << "used-up restarts outlive the daemon";
  stage.restart(api);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
}

TEST_F(Simulation, ASickReplicaLeavesTheRotationAndIsRestarted) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.set_sick(key(first, 0), true);
  stage.run_for(Seconds(15));
  EXPECT_EQ(stage.receivers(api).size(), 2u);
  const int starts = stage.engine.calls().start;
  stage.run_for(Seconds(60));
  EXPECT_GT(stage.engine.calls().start, starts);
  stage.set_sick(key(first, 0), false);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

TEST_F(Simulation, AReplicaThatStaysSickIsStartedAfreshAgainAndAgain) {
  DeploySettings deploy = three();
  deploy.port = 8080;
  deploy.healthcheck_timeout_seconds = 20;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.set_sick(key(first, 0), true);
  const SimCalls before = stage.engine.calls();
  stage.run_for(Seconds(300));
  EXPECT_GE(stage.engine.calls().created - before.created, 3) << "each time with a clean disk";
  EXPECT_EQ(stage.receivers(api).size(), 2u);
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  stage.set_sick(key(first, 0), false);
  stage.run_for(Seconds(60));
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

TEST_F(Simulation, AnEngineThatIsAwaySaysSoInTheDeployment) {
  const InstanceId api = stage.create_service("api");
  ASSERT_TRUE(stage.settle());
  stage.engine.set_down(true);
  const DeploymentId first = stage.deploy(api, "web:1");
  stage.run_for(Seconds(10));
  EXPECT_EQ(stage.status(first), DeploymentStatus::deploying);
  EXPECT_NE(stage.reason(first).find("waits for the container engine"), std::string::npos)
      << stage.reason(first);
  stage.engine.set_down(false);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.reason(first), "");
}

TEST_F(Simulation, AShortWindowIsLongEnoughForAServiceWithoutAPort) {
  DeploySettings deploy;
  deploy.healthcheck_timeout_seconds = 4;
  const InstanceId worker = stage.create_service("worker", deploy);
  const DeploymentId first = stage.deploy(worker, "worker:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success) << stage.reason(first);
}

TEST_F(Simulation, AFlickerBelowTheThresholdChangesNothing) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  const auto generation = stage.edge.history().size();
  for (int i = 0; i < 5; ++i) {
    stage.set_sick(key(first, 0), true);
    stage.run_for(Seconds(1));
    stage.set_sick(key(first, 0), false);
    stage.run_for(Seconds(20));
  }
  EXPECT_EQ(stage.edge.history().size(), generation);
}

TEST_F(Simulation, ScalesUpAndDownThroughTheEdge) {
  const InstanceId api = stage.create_service("api", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.scale(api, 6);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.receivers(api).size(), 6u);
  stage.edge.set_sessions(key(first, 5), 2);
  stage.scale(api, 1);
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.running().size(), 2u) << "the one with sessions drains";
  stage.edge.set_sessions(key(first, 5), 0);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.running().size(), 1u);
  stage.scale(api, 0);
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(stage.running().empty());
  EXPECT_TRUE(stage.edge.knows_host(stage.host(api)));
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
}

TEST_F(Simulation, SessionsThatNeverEndAreCutAtTheDeadline) {
  const InstanceId api = stage.create_service("api");
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.edge.set_sessions(key(first, 0), 1);
  stage.deploy(api, "web:2");
  stage.run_for(Seconds(20));
  EXPECT_EQ(stage.running().size(), 2u);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.running().size(), 1u);
}

TEST_F(Simulation, RemovedAndErasedServicesLeaveNothing) {
  const InstanceId api = stage.create_service("api", three());
  const InstanceId web = stage.create_service("web", three());
  const DeploymentId first = stage.deploy(api, "web:1");
  stage.deploy(web, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.remove(first);
  stage.erase(web);
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(stage.engine.all().empty());
  EXPECT_TRUE(stage.edge.knows_host(stage.host(api)));
  EXPECT_FALSE(stage.edge.knows_host(stage.host(web)));
  EXPECT_FALSE(stage.world.instances.contains(web));
  EXPECT_EQ(stage.status(first), DeploymentStatus::removed);
}

TEST_F(Simulation, ALostReplyMakesNoSecondContainer) {
  const InstanceId api = stage.create_service("api", three());
  stage.engine.inject({0, 2, 0, 1});
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.engine.calls().created, 3);
}

TEST_F(Simulation, ForeignContainersAreNeverTouched) {
  stage.engine.add_foreign("somebody-elses");
  const InstanceId api = stage.create_service("api", three());
  stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.erase(api);
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(stage.engine.has_foreign("somebody-elses"));
}

TEST_F(Simulation, OrphansGoAfterTheGracePeriodAndNotBefore) {
  const InstanceId api = stage.create_service("api", three());
  stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.erase(api);  // the daemon dies before it looks: its successor knows nothing of the service
  stage.crash_now();
  stage.run_for(Seconds(200));
  EXPECT_EQ(stage.running().size(), 3u);
  stage.run_for(Seconds(200));
  EXPECT_TRUE(stage.engine.all().empty());
}

TEST_F(Simulation, AnEngineThatStopsItsContainersIsNoFailureOfTheirs) {
  DeploySettings deploy = three();
  deploy.restart_max_retries = 0;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  for (int i = 0; i < 3; ++i) stage.engine.exit(key(first, i), i == 0 ? 0 : 143);
  stage.engine.set_down(true);
  stage.run_for(Seconds(20));
  stage.engine.set_down(false);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

TEST_F(Simulation, WhatAnEngineEndsWhenItIsBackIsStartedAgain) {
  DeploySettings deploy = three();
  deploy.restart_max_retries = 0;
  const InstanceId api = stage.create_service("api", deploy);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  stage.engine.set_down(true);
  stage.run_for(Seconds(5));
  stage.engine.set_down(false);
  stage.run_for(std::chrono::milliseconds(200));
  for (int i = 0; i < 3; ++i) stage.engine.exit(key(first, i), i == 0 ? 0 : 137);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

TEST_F(Simulation, ADeploymentSaysThatItWaitsForTheEngine) {
  const InstanceId api = stage.create_service("api", three());
  stage.engine.set_down(true);
  const DeploymentId first = stage.deploy(api, "web:1");
  stage.run_for(Seconds(5));
  EXPECT_NE(stage.reason(first).find("engine"), std::string::npos) << stage.reason(first);
  stage.engine.set_down(false);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.reason(first), "");
}

TEST_F(Simulation, ARestartedDaemonAdoptsAndPlansNothing) {
  const InstanceId api = stage.create_service("api", three());
  stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  const SimCalls before = stage.engine.calls();
  const auto generations = stage.edge.history().size();
  stage.crash_now();
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.engine.calls().start, before.start);
  EXPECT_EQ(stage.engine.calls().stop, before.stop);
  EXPECT_EQ(stage.edge.history().size(), generations);
}

TEST_F(Simulation, AProxyThatRefusesIsAskedAgain) {
  const InstanceId api = stage.create_service("api", three());
  stage.edge.fail_next_applies(3, SimEdge::Fault::refused);
  const DeploymentId first = stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.receivers(api).size(), 3u);
}

// The daemon is killed before and after every effect of a story, one boundary a run, and started
// anew: each run ends like the one without a crash.
class SimulationCrash : public ::testing::TestWithParam<bool> {};

std::string tell_story(std::optional<int> crash, bool events, int* boundaries) {
  Stage stage({events, true});
  stage.add_image("web:1");
  stage.add_image("web:2");
  stage.add_image("closed:1", {false, Duration(0)}, {{8080}, {}, std::nullopt});
  if (crash) stage.crash_at(*crash);
  DeploySettings deploy = three();
  deploy.healthcheck_timeout_seconds = 30;
  const InstanceId api = stage.create_service("api", deploy);
  const InstanceId web = stage.create_service("web", three());
  stage.deploy(web, "web:1");
  const DeploymentId first = stage.deploy(api, "web:1");
  stage.settle();
  stage.engine.exit({first, 0, 1}, 137);
  stage.run_for(Seconds(40));
  const DeploymentId second = stage.deploy(api, "web:2");
  stage.settle();
  stage.deploy(api, "closed:1");
  stage.settle();
  stage.restart(api);
  stage.scale(api, 4);
  stage.settle();
  stage.scale(api, 2);
  stage.erase(web);
  stage.run_for(
      Seconds(400));  // a crash may make the erased service an orphan, which has its grace period
  stage.settle();
  if (boundaries != nullptr) *boundaries = stage.boundaries();
  std::string picture = stage.picture();
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  for (const std::string& violation : stage.violations) picture += "\nviolation: " + violation;
  return picture;
}

TEST_P(SimulationCrash, AtEveryBoundaryEndsTheSame) {
  int boundaries = 0;
  const std::string expected = tell_story(std::nullopt, GetParam(), &boundaries);
  ASSERT_GT(boundaries, 200);
  int killed = 0;
  for (int at = 0; at < boundaries; ++at, ++killed)
    ASSERT_EQ(tell_story(at, GetParam(), nullptr), expected) << "killed at boundary " << at;
  RecordProperty("boundaries", killed);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutEvents, SimulationCrash, ::testing::Bool());

}  // namespace
}  // namespace gantry::tests
