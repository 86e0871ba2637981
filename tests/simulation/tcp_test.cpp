// Ports at the edge under the real planner: who gets their connections, and when they close.
#include <gtest/gtest.h>

#include "tests/simulation/stage.hpp"

namespace gantry::tests {
namespace {

constexpr int kPort = 20001;

class SimulationTcp : public ::testing::Test {
 protected:
  SimulationTcp() {
    stage.add_image("db:1");
    stage.add_image("db:2");
    DeploySettings deploy;
    deploy.exposed = false;
    database = stage.create_service("db", deploy);
    stage.give_port(database, TcpProxy{kPort, 5432});
  }
  void TearDown() override {
    for (const std::string& violation : stage.violations) ADD_FAILURE() << violation;
  }
  bool routed() { return !stage.edge.receivers(kPort).empty(); }

  Stage stage;
  InstanceId database;
};

TEST_F(SimulationTcp, AnUnexposedServiceIsReachedByItsPort) {
  const DeploymentId first = stage.deploy(database, "db:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  ASSERT_TRUE(routed());
  EXPECT_FALSE(stage.edge.knows_host(stage.host(database)));
  const DeploymentId second = stage.deploy(database, "db:2");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(second), DeploymentStatus::success);
  ASSERT_EQ(stage.edge.receivers(kPort).size(), 1u);
  EXPECT_EQ(stage.edge.receivers(kPort).front().deployment_id, second);
}

TEST_F(SimulationTcp, AConnectionDrainsAndDelaysOnlyTheOldOne) {
  const DeploymentId first = stage.deploy(database, "db:1");
  ASSERT_TRUE(stage.settle());
  stage.edge.set_streams({first, 0, 0}, 1);
  const DeploymentId second = stage.deploy(database, "db:2");
  stage.run_for(Seconds(40));  // past the requests' deadline
  EXPECT_EQ(stage.running().size(), 2u);
  EXPECT_EQ(stage.edge.receivers(kPort).front().deployment_id, second);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.running().size(), 1u);
}

TEST_F(SimulationTcp, APortThatIsTakenAwayClosesWhileTheServiceGoesOn) {
  const DeploymentId first = stage.deploy(database, "db:1");
  ASSERT_TRUE(stage.settle());
  stage.edge.set_streams({first, 0, 0}, 1);
  stage.give_port(database, std::nullopt);
  ASSERT_TRUE(stage.settle());
  EXPECT_FALSE(stage.edge.live().ports().contains(kPort));
  EXPECT_TRUE(stage.edge.table().empty());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_EQ(stage.running().size(), 1u);
  stage.give_port(database, TcpProxy{kPort, 6000});
  ASSERT_TRUE(stage.settle());
  EXPECT_TRUE(routed());
}

TEST_F(SimulationTcp, APortGoesToAnotherServiceAndIsNotTakenBack) {
  const DeploymentId first = stage.deploy(database, "db:1");
  ASSERT_TRUE(stage.settle());
  DeploySettings deploy;
  deploy.exposed = false;
  const InstanceId other = stage.create_service("other", deploy);
  const DeploymentId others = stage.deploy(other, "db:1");
  ASSERT_TRUE(stage.settle());
  stage.edge.set_streams({first, 0, 0}, 1);
  stage.erase(database);  // drains for a while yet
  stage.run_for(Seconds(1));
  stage.give_port(other, TcpProxy{kPort, 5432});
  stage.run_for(Seconds(5));
  ASSERT_TRUE(routed());
  EXPECT_EQ(stage.edge.receivers(kPort).front().deployment_id, others);
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.edge.receivers(kPort).front().deployment_id, others);
  EXPECT_EQ(stage.edge.table().size(), 1u);
}

TEST_F(SimulationTcp, APortThatCannotBeHadStopsNoDeployment) {
  stage.edge.take_port(kPort);
  const DeploymentId first = stage.deploy(database, "db:1");
  ASSERT_TRUE(stage.settle());
  EXPECT_EQ(stage.status(first), DeploymentStatus::success);
  EXPECT_FALSE(routed());
  EXPECT_EQ(stage.edge.closed_ports().size(), 1u);
}

TEST_F(SimulationTcp, ADaemonThatDiesAnywhereComesToTheSameEnd) {
  for (int boundary = 1; boundary < 40; ++boundary) {
    Stage own;
    own.add_image("db:1");
    own.add_image("db:2");
    DeploySettings deploy;
    deploy.exposed = false;
    const InstanceId id = own.create_service("db", deploy);
    own.give_port(id, TcpProxy{kPort, 5432});
    own.deploy(id, "db:1");
    ASSERT_TRUE(own.settle());
    own.crash_at(own.boundaries() + boundary);
    const DeploymentId second = own.deploy(id, "db:2");
    ASSERT_TRUE(own.settle()) << boundary;
    ASSERT_EQ(own.edge.receivers(kPort).size(), 1u) << boundary;
    EXPECT_EQ(own.edge.receivers(kPort).front().deployment_id, second) << boundary;
    EXPECT_EQ(own.running().size(), 1u) << boundary;
  }
}

}  // namespace
}  // namespace gantry::tests
