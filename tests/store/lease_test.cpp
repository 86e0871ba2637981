#include "tests/support/postgres.hpp"

namespace gantry {
namespace {

class StoreLease : public StoreTest {
 protected:
  static std::string reason(const Result<>& result) {
    return result.ok() ? "" : result.error().reason;
  }
  static std::string reason(const Result<Lease>& result) {
    return result.ok() ? "" : result.error().reason;
  }
  DeploymentId deploy(Store& store) {
    instance_ = make_world(store).instance.id;
    const auto made = write(store, [&](Transaction& t) {
      return t.create_deployment(
          {instance_, DeploymentId::make(system_clock().now()), {}, {}, "deploy"});
    });
    EXPECT_TRUE(made.ok());
    return made->id;
  }
  Result<> status(Store& store, const DeploymentId& id, DeploymentStatus status) const {
    return store.record_status({id, instance_, status, ""});
  }
  InstanceId instance_;
};

TEST_F(StoreLease, WithoutOneNothingIsRecorded) {
  auto store = open_without_lease();
  const auto id = deploy(*store);
  Replica replica;
  replica.key = {id, 0, 0};
  replica.instance_id = instance_;
  Event event;
  event.type = "host.full";
  const auto before = store->events({}, "", 100)->size();
  EXPECT_EQ(reason(status(*store, id, DeploymentStatus::deploying)), "lease_lost");
  EXPECT_EQ(reason(store->record_progress({.deployment_id = id, .instance_id = instance_})),
            "lease_lost");
  EXPECT_EQ(reason(store->record_rollout({.deployment_id = id, .instance_id = instance_})),
            "lease_lost");
  EXPECT_EQ(reason(store->record_scale({instance_, 3, "busy"})), "lease_lost");
  EXPECT_EQ(reason(store->record_replica(replica)), "lease_lost");
  EXPECT_EQ(reason(store->record_event(event)), "lease_lost");
  EXPECT_EQ(store->deployment(id)->status, DeploymentStatus::queued);
  EXPECT_EQ(store->events({}, "", 100)->size(), before);
  ASSERT_TRUE(store->hold_lease("one", Seconds(60)).ok());
  EXPECT_EQ(reason(status(*store, id, DeploymentStatus::deploying)), "");
  EXPECT_EQ(reason(store->record_event(event)), "");
}

TEST_F(StoreLease, OneOfTwoHoldsItAndKeepsItByAskingAgain) {
  auto one = open_without_lease();
  auto two = open_without_lease();
  const auto first = one->hold_lease("one", Seconds(60));
  ASSERT_TRUE(first.ok()) << first.error().detail;
  EXPECT_EQ(first->holder, "one");
  EXPECT_EQ(first->term, 1);
  const auto refused = two->hold_lease("two", Seconds(60));
  EXPECT_EQ(reason(refused), "lease_held");
  EXPECT_NE(refused.error().detail.find("one"), std::string::npos);
  const auto again = one->hold_lease("one", Seconds(90));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->term, 1) << "nobody acted in between";
  EXPECT_GT(again->expires_at, first->expires_at);
  EXPECT_EQ(reason(two->release_lease("two")), "");
  EXPECT_EQ(reason(two->hold_lease("two", Seconds(60))), "lease_held")
      << "who does not hold it gives nothing back";
}

TEST_F(StoreLease, WhoIsLateIsRefusedFromTheTakeOverOn) {
  auto one = open_without_lease();
  auto two = open_without_lease();
  const auto id = deploy(*one);
  ASSERT_TRUE(one->hold_lease("one", Seconds(1)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_EQ(reason(status(*one, id, DeploymentStatus::initializing)), "")
      << "nobody else came: it may go on";
  const auto taken = two->hold_lease("two", Seconds(60));
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken->term, 2);
  EXPECT_EQ(reason(status(*one, id, DeploymentStatus::success)), "lease_lost");
  EXPECT_EQ(reason(one->hold_lease("one", Seconds(60))), "lease_held");
  EXPECT_EQ(reason(status(*one, id, DeploymentStatus::success)), "lease_lost");
  ASSERT_TRUE(two->reload().ok());
  EXPECT_EQ(reason(status(*two, id, DeploymentStatus::deploying)), "");
  EXPECT_EQ(two->deployment(id)->status, DeploymentStatus::deploying);
}

TEST_F(StoreLease, GivenBackItIsFreeAtOnce) {
  auto one = open_without_lease();
  auto two = open_without_lease();
  const auto id = deploy(*one);
  ASSERT_TRUE(one->hold_lease("one", Seconds(3600)).ok());
  ASSERT_TRUE(one->release_lease("one").ok());
  EXPECT_EQ(reason(status(*one, id, DeploymentStatus::deploying)), "lease_lost");
  EXPECT_EQ(two->hold_lease("two", Seconds(60))->term, 2);
}

TEST_F(StoreLease, OfManyAtOnceOneWins) {
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < 6; ++i) stores.push_back(open_without_lease());
  std::atomic<int> winners = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&, i] {
        const auto held = stores[static_cast<std::size_t>(i)]->hold_lease(
            "daemon " + std::to_string(i), Seconds(60));
        if (held)
          ++winners;
        else
          EXPECT_EQ(held.error().reason, "lease_held");
      });
  }
  EXPECT_EQ(winners, 1);
}

// A write that began before the take-over is seen by who took over: it holds the lease until it is
// through.
TEST_F(StoreLease, ATakeOverWaitsForTheWritesOfTheOneBefore) {
  auto one = open_without_lease();
  auto two = open_without_lease();
  const auto id = deploy(*one);
  ASSERT_TRUE(one->hold_lease("one", Seconds(1)).ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  pqxx::connection other(database_);
  pqxx::work blocking(other);
  blocking.exec("select 1 from service_instances for update");
  std::jthread slow([&] { EXPECT_EQ(reason(status(*one, id, DeploymentStatus::deploying)), ""); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::atomic<bool> taken = false;
  std::jthread taker([&] {
    EXPECT_TRUE(two->hold_lease("two", Seconds(60)).ok());
    taken = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_FALSE(taken) << "the first one's write is not through";
  blocking.commit();
  slow.join();
  taker.join();
  EXPECT_EQ(two->deployment(id)->status, DeploymentStatus::deploying);
  EXPECT_EQ(reason(status(*one, id, DeploymentStatus::success)), "lease_lost");
}

}  // namespace
}  // namespace gantry
