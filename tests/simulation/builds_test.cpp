// From a source to replicas, on virtual time: each step once, whoever dies in between.
#include <gtest/gtest.h>

#include "tests/simulation/stage.hpp"

namespace gantry::tests {
namespace {

const std::string kFirst = "sha256:" + std::string(64, '1');
const std::string kSecond = "sha256:" + std::string(64, '2');
const std::string kBroken = "sha256:" + std::string(64, '3');

DeploySettings migrating(int replicas) {
  DeploySettings deploy;
  deploy.replicas = replicas;
  deploy.healthcheck_timeout_seconds = 30;
  deploy.pre_deploy_command = {"migrate"};
  return deploy;
}

class SimulationBuild : public ::testing::Test {
 protected:
  void SetUp() override {
    stage.add_archive(kFirst);
    stage.add_archive(kSecond);
    SimArchive broken;
    broken.build_fails = Error{Code::invalid, "build_failed", "step 3 of 5 failed: RUN make"};
    stage.add_archive(kBroken, broken);
    stage.add_image("web:1");
  }
  void TearDown() override {
    EXPECT_TRUE(stage.violations.empty()) << stage.violations.front();
    EXPECT_EQ(stage.engine.runs_left(), 0u);
  }
  Stage stage;
};

TEST_F(SimulationBuild, BuildsThenMigratesThenServes) {
  const InstanceId api = stage.create_service("api", migrating(2));
  const DeploymentId first = stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.builder.calls().built, 1);
  EXPECT_EQ(stage.engine.runs_begun(first), 1);
  EXPECT_EQ(stage.receivers(api).size(), 2u);
}

TEST_F(SimulationBuild, ItsFilesSettingsAreInForce) {
  SimArchive archive;
  archive.image = {{8080}, {}, {}};
  archive.settings.emplace().deploy.replicas = 3;
  stage.add_archive(kFirst, archive);
  const InstanceId api = stage.create_service("api");
  stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.receivers(api).size(), 3u);
  stage.scale(api, 1);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.receivers(api).size(), 1u);
}

TEST_F(SimulationBuild, AFailedBuildSaysWhyAndLeavesTheOldVersion) {
  const InstanceId api = stage.create_service("api", migrating(2));
  stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  stage.least_receivers = 1000;
  const DeploymentId broken = stage.deploy_source(api, kBroken);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(broken), DeploymentStatus::failed);
  EXPECT_EQ(stage.reason(broken), "step 3 of 5 failed: RUN make");
  EXPECT_EQ(stage.least_receivers, 2);
  EXPECT_EQ(stage.engine.runs_begun(broken), 0);
}

TEST_F(SimulationBuild, AFailedPreDeployCommandKeepsTheOldVersion) {
  DeploySettings deploy = migrating(2);
  const InstanceId api = stage.create_service("api", deploy);
  stage.deploy(api, "web:1");
  ASSERT_TRUE(stage.settle());
  SimArchive archive;
  archive.image = {{8080}, {"serve"}, {}};  // it has no program "migrate"
  stage.add_archive(kSecond, archive);
  stage.least_receivers = 1000;
  const DeploymentId second = stage.deploy_source(api, kSecond);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("migrate"), std::string::npos) << stage.reason(second);
  EXPECT_EQ(stage.least_receivers, 2);
  for (const ReplicaKey& key : stage.running()) EXPECT_NE(key.deployment_id, second);
}

TEST_F(SimulationBuild, NothingToDoIsAnEndOfItsOwn) {
  const InstanceId api = stage.create_service("api", migrating(1));
  const DeploymentId first = stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  SimArchive same;
  same.skip_reason = "No changes to watched files";
  stage.add_archive(kSecond, same);
  const DeploymentId second = stage.deploy_source(api, kSecond);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::skipped);
  EXPECT_EQ(stage.reason(second), "No changes to watched files");
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.builder.calls().built, 1);
}

TEST_F(SimulationBuild, WhatMayPassIsTriedAgainAndWhatDoesNotEndsTheDeployment) {
  const InstanceId api = stage.create_service("api", migrating(1));
  stage.builder.inject({.prepare_unavailable = 2, .build_unavailable = 2, .lost_replies = 1});
  const DeploymentId first = stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  stage.builder.inject({.build_unavailable = 1000});
  const DeploymentId second = stage.deploy_source(api, kSecond);
  stage.run_for(Seconds(5));
  EXPECT_EQ(stage.status(second), DeploymentStatus::building);
  EXPECT_NE(stage.reason(second).find("tried again"), std::string::npos) << stage.reason(second);
  stage.run_for(Seconds(600));
  EXPECT_EQ(stage.status(second), DeploymentStatus::failed);
  EXPECT_NE(stage.reason(second).find("a simulated fault"), std::string::npos);
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
}

TEST_F(SimulationBuild, ALostReplyBeginsThePreDeployCommandOnce) {
  const InstanceId api = stage.create_service("api", migrating(1));
  stage.engine.inject({.lost_replies = 1});
  const DeploymentId first = stage.deploy_source(api, kFirst);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.engine.runs_begun(first), 1);
}

TEST_F(SimulationBuild, ManyDeploymentsOfOneServiceCollapse) {
  const InstanceId api = stage.create_service("api", migrating(2));
  DeploymentId last = stage.deploy_source(api, kFirst);
  for (int i = 0; i < 2000; ++i) {
    stage.clock.advance(std::chrono::milliseconds(1));
    last = stage.deploy_source(api, i % 2 == 0 ? kSecond : kFirst);
  }
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(last), DeploymentStatus::success);
  EXPECT_LE(stage.builder.calls().built, 2);
  EXPECT_EQ(stage.receivers(api).size(), 2u);
}

TEST_F(SimulationBuild, AnErasedServiceEndsItsBuild) {
  const InstanceId api = stage.create_service("api", migrating(1));
  stage.builder.inject({.build_unavailable = 1000});
  stage.deploy_source(api, kFirst);
  stage.run_for(Seconds(3));
  stage.erase(api);
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(stage.world.instances.empty());
}

std::string tell_story(std::optional<int> crash, int* boundaries) {
  Stage stage;
  stage.add_image("web:1");
  stage.add_archive(kFirst);
  stage.add_archive(kSecond);
  SimArchive broken;
  broken.build_fails = Error{Code::invalid, "build_failed", "it broke"};
  stage.add_archive(kBroken, broken);
  if (crash) stage.crash_at(*crash);
  const InstanceId api = stage.create_service("api", migrating(2));
  const DeploymentId first = stage.deploy_source(api, kFirst);
  stage.settle();
  const DeploymentId failed = stage.deploy_source(api, kBroken);
  stage.settle();
  const DeploymentId second = stage.deploy_source(api, kSecond);
  stage.settle();
  const DeploymentId image = stage.deploy(api, "web:1");
  stage.settle();
  if (boundaries != nullptr) *boundaries = stage.boundaries();
  std::string picture = stage.picture();
  for (const DeploymentId& id : {first, second, image})
    picture += " begun=" + std::to_string(stage.engine.runs_begun(id));
  picture += " failed=" + std::to_string(stage.engine.runs_begun(failed)) +
             " left=" + std::to_string(stage.engine.runs_left());
  for (const std::string& violation : stage.violations) picture += "\nviolation: " + violation;
  return picture;
}

// The command of a migration is begun once, wherever the daemon dies.
TEST_F(SimulationBuild, KilledAtEveryBoundaryItEndsTheSame) {
  int boundaries = 0;
  const std::string expected = tell_story(std::nullopt, &boundaries);
  ASSERT_GT(boundaries, 100);
  EXPECT_NE(expected.find("begun=1 begun=1 begun=1 failed=0 left=0"), std::string::npos)
      << expected;
  for (int at = 0; at < boundaries; ++at)
    ASSERT_EQ(tell_story(at, nullptr), expected) << "killed at boundary " << at;
}

}  // namespace
}  // namespace gantry::tests
