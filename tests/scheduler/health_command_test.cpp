// A health check from inside the container decides where nothing can be asked from outside.
#include <gtest/gtest.h>

#include "scheduler/plan.hpp"

namespace gantry {
namespace {

const TimePoint kNow = TimePoint(Seconds(1'800'000'000));

class SchedulerHealthCommand : public ::testing::TestWithParam<PortMode> {
 protected:
  SchedulerHealthCommand() {
    deployment_ = std::make_shared<Deployment>();
    deployment_->id = DeploymentId::make(kNow);
    deployment_->instance_id = id_;
    deployment_->status = DeploymentStatus::deploying;
    deployment_->progress = {.prepared = true, .image = "db:1", .pre_deployed = true};
    deployment_->settings.deploy.healthcheck_command = {"pg_isready", "-q"};
    deployment_->updated_at = kNow;
    key_ = {deployment_->id, 0, 0};
  }
  void start() {
    Desired desired;
    desired.instance_id = id_;
    desired.deployments = {deployment_};
    absorb(world_, DesiredChanged{id_, std::make_shared<Desired>(desired)}, kNow);
    absorb(world_, Listed{kNow, {}}, kNow);
    Container container;
    container.key = key_;
    container.instance_id = id_;
    container.container_id = "c1";
    container.state = ContainerState::running;
    container.port_mode = GetParam();
    container.started_at = kNow;
    if (GetParam() != PortMode::none) container.address = Address{"10.0.0.1", 5432};
    absorb(world_, ContainerSeen{container}, kNow);
  }
  const InstanceWorld& instance() const { return world_.instances.at(id_); }
  std::vector<Probe> probes(TimePoint now) const {
    std::vector<Probe> found;
    for (const Action& action : plan(world_, instance(), now).actions)
      if (const auto* probe = std::get_if<Probe>(&action)) found.push_back(*probe);
    return found;
  }
  bool ready(TimePoint now) const { return is_ready(world_, instance().replicas.at(key_), now); }
  void answer(bool ok, TimePoint now) {
    absorb(world_, ProbeFinished{id_, key_, "c1", {ok, "pg_isready exited with code 2"}}, now);
  }

  const InstanceId id_ = InstanceId::make(kNow);
  std::shared_ptr<Deployment> deployment_;
  ReplicaKey key_;
  World world_;
};

INSTANTIATE_TEST_SUITE_P(Ports, SchedulerHealthCommand,
                         ::testing::Values(PortMode::none, PortMode::fixed), [](const auto& mode) {
                           return std::string(mode.param == PortMode::none ? "none" : "fixed");
                         });

TEST_P(SchedulerHealthCommand, IsRunInTheContainer) {
  start();
  const auto found = probes(kNow);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].target.command, (std::vector<std::string>{"pg_isready", "-q"}));
  EXPECT_EQ(found[0].target.container_id, "c1");
}

TEST_P(SchedulerHealthCommand, OnlyItsSuccessMakesReady) {
  start();
  answer(false, kNow + Seconds(1));
  EXPECT_FALSE(ready(kNow + Seconds(1)));
  EXPECT_FALSE(ready(kNow + Seconds(3600))) << "time alone proves nothing";
  answer(true, kNow + Seconds(2));
  EXPECT_TRUE(ready(kNow + Seconds(2)));
}

TEST_P(SchedulerHealthCommand, AReadyOneThatFailsIsNotReadyAnyMore) {
  start();
  answer(true, kNow);
  for (int i = 1; i <= 3; ++i) answer(false, kNow + Seconds(i));
  EXPECT_FALSE(ready(kNow + Seconds(3600)));
}

}  // namespace
}  // namespace gantry
