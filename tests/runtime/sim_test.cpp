// What a test may do to the simulated engine; that it keeps the driver's contract is tested in
// tests/conformance.
#include <gtest/gtest.h>

#include "runtime/sim/driver.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry {
namespace {

struct SetClock : Clock {
  TimePoint time = TimePoint(Seconds(1795371960));
  TimePoint now() const override { return time; }
};

class SimEngineTest : public ::testing::Test {
 protected:
  SimEngineTest() {
    engine_.add_image("web:1", {.exposed = {}, .programs = {}, .exits_at_once = {}});
  }
  ContainerSpec spec(int ordinal = 0) const {
    ContainerSpec spec;
    spec.key = {deployment_, 0, ordinal};
    spec.instance_id = instance_;
    spec.environment_id = environment_;
    spec.image = "web:1";
    spec.network = {environment_, "net", "10.192.0.0/24"};
    return spec;
  }
  SetClock clock_;
  SimEngine engine_{clock_};
  const InstallationId installation_ = InstallationId::make(clock_.time);
  const DeploymentId deployment_ = DeploymentId::make(clock_.time);
  const InstanceId instance_ = InstanceId::make(clock_.time);
  const EnvironmentId environment_ = EnvironmentId::make(clock_.time);
  SimDriver driver_{engine_, installation_};
};

TEST_F(SimEngineTest, ALostReplyLeavesOneContainer) {
  engine_.inject({.lost_replies = 1});
  EXPECT_EQ(driver_.start(spec()).error().reason, "engine_unavailable");
  EXPECT_EQ(engine_.all().size(), 1u);
  EXPECT_TRUE(driver_.start(spec()).ok());
  EXPECT_EQ(engine_.calls().created, 1);
}

TEST_F(SimEngineTest, AnUnavailableEngineDoesNothing) {
  engine_.inject({.unavailable = 2});
  EXPECT_EQ(driver_.start(spec()).error().code, Code::unavailable);
  EXPECT_EQ(driver_.list().error().code, Code::unavailable);
  EXPECT_TRUE(driver_.list()->empty());
}

TEST_F(SimEngineTest, ContainersSurviveTheDaemon) {
  ASSERT_TRUE(driver_.start(spec()).ok());
  SimDriver heir(engine_, installation_);
  EXPECT_EQ(heir.list()->size(), 1u);
}

TEST_F(SimEngineTest, EndsAreSeenAtTheClocksTime) {
  ASSERT_TRUE(driver_.start(spec()).ok());
  driver_.take_events();
  clock_.time += Seconds(5);
  engine_.kill_out_of_memory(spec().key);
  const auto events = driver_.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].container->exit->code, 137);
  EXPECT_TRUE(events[0].container->exit->out_of_memory);
  EXPECT_EQ(events[0].container->exit->at, clock_.time);
  engine_.destroy(spec().key);
  const EngineEvent gone = driver_.take_events().at(0);
  EXPECT_EQ(gone.kind, EngineEvent::Kind::container_gone);
  EXPECT_EQ(gone.container_id, events[0].container->container_id);
}

TEST_F(SimEngineTest, ExitsAtOnceWhenTold) {
  engine_.inject({.exit_at_once = 1, .exit_code = 9});
  EXPECT_EQ(driver_.start(spec())->exit->code, 9);
  EXPECT_FALSE(driver_.start(spec())->exit);
}

TEST_F(SimEngineTest, ADownEngineIsToldToWatchers) {
  engine_.set_down(true);
  EXPECT_FALSE(driver_.ping());
  engine_.set_down(false);
  EXPECT_TRUE(driver_.ping().ok());
  const auto events = driver_.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, EngineEvent::Kind::engine_lost);
  EXPECT_EQ(events[1].kind, EngineEvent::Kind::engine_back);
}

TEST_F(SimEngineTest, PullsRemoteImagesOnly) {
  engine_.add_remote_image("far:1", {.exposed = {}, .programs = {}, .exits_at_once = {}});
  ContainerSpec far = spec();
  far.image = "far:1";
  EXPECT_EQ(driver_.start(far).error().reason, "image_not_found");
  EXPECT_TRUE(driver_.pull("far:1").ok());
  EXPECT_TRUE(driver_.start(far).ok());
  EXPECT_EQ(driver_.pull("nowhere:1").error().reason, "image_not_found");
}

}  // namespace
}  // namespace gantry
