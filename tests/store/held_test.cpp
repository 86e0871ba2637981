// What waits for somebody: held deployments, and environments in their grace.
#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreHeld : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store = open();
    world = make_world(*store);
  }
  DeploymentId deploy(DeploymentStatus status) {
    NewDeployment wanted{.instance_id = world.instance.id,
                         .id = DeploymentId::make(system_clock().now()),
                         .settings = {},
                         .variables = {},
                         .trigger = "deploy"};
    wanted.status = status;
    wanted.reason = is_held(status) ? "somebody decides" : "";
    const auto made = write(*store, [&](Transaction& t) { return t.create_deployment(wanted); });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  Result<Deployment> release(const DeploymentId& id) {
    return write(*store, [&](Transaction& t) { return t.release_deployment(id); });
  }
  DeploymentStatus status(const DeploymentId& id) { return store->deployment(id)->status; }
  bool found() { return store->project(world.project.id.str())->environment("production"); }

  std::unique_ptr<Store> store;
  World world;
};

TEST_F(StoreHeld, AHeldDeploymentTakesNothingsPlaceUntilItIsReleased) {
  const auto running = deploy(DeploymentStatus::queued);
  const auto first = deploy(DeploymentStatus::needs_approval);
  const auto second = deploy(DeploymentStatus::waiting);
  EXPECT_EQ(status(running), DeploymentStatus::queued);
  EXPECT_EQ(status(first), DeploymentStatus::removing);  // a newer one is held
  EXPECT_EQ(release(first).error().reason, "not_held");
  ASSERT_TRUE(release(second).ok());
  EXPECT_EQ(status(second), DeploymentStatus::queued);
  EXPECT_EQ(status(running), DeploymentStatus::removing);
  EXPECT_EQ(release(second).error().reason, "not_held");
}

TEST_F(StoreHeld, ANewerDeploymentEndsTheHoldAndOneThatIsSkippedIsOver) {
  const auto held = deploy(DeploymentStatus::needs_approval);
  deploy(DeploymentStatus::queued);
  EXPECT_EQ(status(held), DeploymentStatus::removing);
  const auto waiting = deploy(DeploymentStatus::waiting);
  const auto skipped = write(
      *store, [&](Transaction& t) { return t.skip_deployment(waiting, "its checks failed"); });
  ASSERT_TRUE(skipped.ok());
  EXPECT_EQ(skipped->status, DeploymentStatus::skipped);
  EXPECT_EQ(skipped->reason, "its checks failed");
}

TEST_F(StoreHeld, ADeletedEnvironmentIsFoundByNobodyAndComesBackAsItWas) {
  const auto& id = world.environment;
  ASSERT_TRUE(write(*store, [&](Transaction& t) { return t.delete_environment(id, {}); }).ok());
  EXPECT_FALSE(found());
  EXPECT_EQ(
      write(*store, [&](Transaction& t) { return t.delete_environment(id, {}); }).error().code,
      Code::not_found);
  ASSERT_TRUE(write(*store, [&](Transaction& t) { return t.restore_environment(id); }).ok());
  EXPECT_TRUE(found());
  EXPECT_EQ(write(*store, [&](Transaction& t) { return t.restore_environment(id); }).error().reason,
            "not_deleted");
}

TEST_F(StoreHeld, TheNameOfADeletedEnvironmentIsFree) {
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.delete_environment(world.environment, {});
              }).ok());
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.create_environment(world.project.id, *Name::parse("production"));
              }).ok());
  const auto back =
      write(*store, [&](Transaction& t) { return t.restore_environment(world.environment); });
  EXPECT_EQ(back.error().reason, "name_taken");
}

TEST_F(StoreHeld, OnlyAnEnvironmentWhoseGraceIsOverIsPurged) {
  const auto purge = [&](std::optional<TimePoint> before) {
    return write(*store,
                 [&](Transaction& t) { return t.purge_environment(world.environment, before); });
  };
  const TimePoint now = system_clock().now();
  EXPECT_EQ(purge(now + Seconds(60)).error().reason, "not_deleted");
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.delete_environment(world.environment, {});
              }).ok());
  EXPECT_EQ(purge(now - Seconds(60)).error().reason, "not_deleted");
  ASSERT_TRUE(purge(now + Seconds(60)).ok());
  EXPECT_EQ(sql("select count(*) from environments")[0][0].as<int>(), 0);
}

TEST_F(StoreHeld, APortOfTheEdgeBelongsToOneInstance) {
  const World other = make_world(*store, "other");
  const auto proxy = [&](const InstanceId& id, std::optional<TcpProxy> wanted) {
    return write(*store, [&](Transaction& t) { return t.set_tcp_proxy(id, wanted, {}); });
  };
  const auto set = proxy(world.instance.id, TcpProxy{15432, 5432});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->tcp_proxy, (TcpProxy{15432, 5432}));
  EXPECT_EQ(proxy(other.instance.id, TcpProxy{15432, 6379}).error().reason, "tcp_port_taken");
  ASSERT_TRUE(proxy(world.instance.id, std::nullopt).ok());
  EXPECT_TRUE(proxy(other.instance.id, TcpProxy{15432, 6379}).ok());
}

// Whoever makes it: a push, a restore, a request that was on its way when the rule came.
TEST_F(StoreHeld, WhereAnApprovalIsNeededNoDeploymentGoesOnWithoutOne) {
  const auto waiting = deploy(DeploymentStatus::waiting);
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.protect_environment(world.environment, {.needs_approval = true}, {});
              }).ok());
  // Its checks pass: by nobody's hand.
  {
    auto transaction = store->begin({});
    ASSERT_TRUE((*transaction)->release_deployment(waiting).ok());
    ASSERT_TRUE((*transaction)->commit().ok());
  }
  EXPECT_EQ(status(waiting), DeploymentStatus::needs_approval);
  const auto next = deploy(DeploymentStatus::queued);
  EXPECT_EQ(status(next), DeploymentStatus::needs_approval);
  EXPECT_NE(store->deployment(next)->reason.find("gantry deployment approve " + next.str()),
            std::string::npos);
  ASSERT_TRUE(release(next).ok());
  EXPECT_EQ(status(next), DeploymentStatus::queued);
}

TEST_F(StoreHeld, ProtectionIsKept) {
  const auto set = write(*store, [&](Transaction& t) {
    return t.protect_environment(world.environment, {.guarded = true, .needs_approval = true}, {});
  });
  ASSERT_TRUE(set.ok());
  EXPECT_TRUE(set->protection.guarded);
  store = open();
  EXPECT_TRUE(store->project(world.project.id.str())
                  ->environment("production")
                  ->environment.protection.needs_approval);
}

}  // namespace
}  // namespace gantry
