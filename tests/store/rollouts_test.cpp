#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreRollouts : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    store = open();
    instance = make_world(*store).instance.id;
  }
  DeploymentId deploy() {
    const auto made = write(*store, [&](Transaction& t) {
      return t.create_deployment(
          {instance, DeploymentId::make(system_clock().now()), {}, {{"A", "x"}}, "deploy"});
    });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  void record(const DeploymentId& id, DeploymentStatus status,
              std::optional<DeploymentId> keeps = {}) {
    const auto recorded = store->record_status({id, instance, status, "", std::move(keeps)});
    EXPECT_TRUE(recorded.ok()) << recorded.error().detail;
  }
  DeploymentId serving() {
    const auto id = deploy();
    record(id, DeploymentStatus::success);
    return id;
  }
  Result<Deployment> order(const DeploymentId& id, RolloutOrder wanted) {
    return write(*store, [&](Transaction& t) { return t.order_rollout(id, wanted); });
  }
  std::shared_ptr<const Deployment> seen(const DeploymentId& id) {
    const auto project = store->project_of(instance);
    for (const auto& d : project->instances.at(instance)->deployments)
      if (d->id == id) return d;
    return nullptr;
  }
  const ServiceInstance& current() {
    held = store->project_of(instance);
    return held->instances.at(instance)->instance;
  }
  std::string statuses() {
    std::string all;
    const auto project = store->project_of(instance);
    for (const auto& d : project->instances.at(instance)->deployments)
      all += (all.empty() ? "" : " ") + std::string(name(d->status));
    return all;
  }
  std::vector<std::string> events(const std::string& prefix) {
    std::vector<std::string> found;
    const auto all = *store->events({}, "", 1000);
    for (const Event& event : all)
      if (event.type.starts_with(prefix)) found.push_back(event.type + ": " + event.message);
    return found;
  }

  std::unique_ptr<Store> store;
  InstanceId instance;
  ProjectPtr held;
};

TEST_F(StoreRollouts, OrdersAreKeptAndTold) {
  const auto id = deploy();
  int told = 0;
  store->on_change([&](const InstanceId&) { ++told; });
  EXPECT_EQ(order(id, RolloutOrder::pause)->rollout.order, RolloutOrder::pause);
  EXPECT_EQ(seen(id)->rollout.order, RolloutOrder::pause);
  EXPECT_EQ(seen(id)->variables.at("A"), "x");
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(order(id, RolloutOrder::pause).ok());
  EXPECT_EQ(told, 1) << "the same order again changes nothing";
  ASSERT_TRUE(order(id, RolloutOrder::none).ok());
  ASSERT_TRUE(order(id, RolloutOrder::promote).ok());
  EXPECT_EQ(order(id, RolloutOrder::pause).error().reason, "already_promoted");
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(seen(id)->rollout.order, RolloutOrder::promote);
  EXPECT_EQ(store->deployment(id)->rollout.order, RolloutOrder::promote);
  EXPECT_EQ(events("deployment.p"),
            (std::vector<std::string>{"deployment.paused: paused by request",
                                      "deployment.promoted: promoted by request"}));
  EXPECT_EQ(events("deployment.resumed").size(), 1u);
}

TEST_F(StoreRollouts, WhatIsNotOnItsWayTakesNoOrders) {
  const auto id = serving();
  for (const auto wanted : {RolloutOrder::none, RolloutOrder::pause, RolloutOrder::promote}) {
    const auto refused = order(id, wanted);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Code::conflict);
    EXPECT_EQ(refused.error().reason, "not_under_way");
    EXPECT_NE(refused.error().detail.find("SUCCESS"), std::string::npos);
  }
  const auto failed = deploy();
  record(failed, DeploymentStatus::failed);
  EXPECT_EQ(order(failed, RolloutOrder::promote).error().reason, "not_under_way");
  EXPECT_EQ(order(DeploymentId::make(system_clock().now()), RolloutOrder::pause).error().code,
            Code::not_found);
}

TEST_F(StoreRollouts, StepsAreRecordedOnceAndLeaveTheOrderAlone) {
  const auto id = deploy();
  ASSERT_TRUE(order(id, RolloutOrder::pause).ok());
  const TimePoint since = *parse_time("2026-11-22T18:26:00.5Z");
  const RolloutChange change{id, instance, 1, since, "50% of the requests"};
  ASSERT_TRUE(store->record_rollout(change).ok());
  ASSERT_TRUE(store->record_rollout(change).ok());
  const RolloutProgress wanted{.step = 1, .since = since, .order = RolloutOrder::pause};
  EXPECT_EQ(seen(id)->rollout, wanted);
  EXPECT_EQ(store->deployment(id)->rollout, wanted);
  EXPECT_EQ(events("deployment.step"),
            (std::vector<std::string>{"deployment.step: 50% of the requests"}));
  ASSERT_TRUE(store->record_rollout({id, instance, 2, std::nullopt, "all"}).ok());
  EXPECT_EQ(seen(id)->rollout.since, std::nullopt);
  record(id, DeploymentStatus::success);
  ASSERT_TRUE(store->record_rollout(change).ok());
  EXPECT_EQ(seen(id)->rollout.step, 2) << "what has ended is not written any more";
}

TEST_F(StoreRollouts, TheKeptOneStaysLive) {
  const auto oldest = serving();
  const auto blue = deploy();
  record(blue, DeploymentStatus::success, oldest);
  EXPECT_EQ(statuses(), "SUCCESS SUCCESS");
  const auto green = deploy();
  record(green, DeploymentStatus::success, blue);
  EXPECT_EQ(statuses(), "SUCCESS SUCCESS REMOVING");
  ASSERT_TRUE(write(*store, [&](Transaction& t) {
                return t.remove_deployment(green, "rolled back to " + blue.str());
              }).ok());
  EXPECT_EQ(statuses(), "REMOVING SUCCESS REMOVING") << "the kept one serves again";
  EXPECT_EQ(seen(green)->reason, "rolled back to " + blue.str());
}

TEST_F(StoreRollouts, WhenItServedFirstIsKept) {
  const auto id = deploy();
  EXPECT_EQ(seen(id)->succeeded_at, std::nullopt);
  record(id, DeploymentStatus::success);
  const auto first = seen(id)->succeeded_at;
  ASSERT_TRUE(first.has_value());
  record(id, DeploymentStatus::crashed);
  record(id, DeploymentStatus::success);
  EXPECT_EQ(seen(id)->succeeded_at, first);
  EXPECT_EQ(store->deployment(id)->succeeded_at, first);
}

TEST_F(StoreRollouts, TheAutoscalersWordCountsForWhatIsLive) {
  const auto id = serving();
  const auto generation = current().generation;
  const auto untouched = current().settings.deploy.memory_bytes;
  int told = 0;
  store->on_change([&](const InstanceId&) { ++told; });
  ASSERT_TRUE(store->record_scale({instance, 4, "cpu at 90%"}).ok());
  EXPECT_EQ(current().settings.deploy.replicas, 4);
  EXPECT_EQ(current().settings.deploy.memory_bytes, untouched);
  EXPECT_EQ(current().generation, generation + 1);
  EXPECT_EQ(seen(id)->settings.deploy.replicas, 4);
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(store->record_scale({instance, 4, "cpu at 90%"}).ok());
  EXPECT_EQ(told, 1) << "the same number changes nothing";
  EXPECT_EQ(events("instance.scaled"), (std::vector<std::string>{"instance.scaled: cpu at 90%"}));
  ASSERT_TRUE(store->reload().ok());
  EXPECT_EQ(current().settings.deploy.replicas, 4);
  EXPECT_EQ(store->record_scale({InstanceId::make(system_clock().now()), 4, ""}).error().code,
            Code::not_found);
}

}  // namespace
}  // namespace gantry
