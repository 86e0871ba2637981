#include <gtest/gtest.h>

#include "tests/edge/worlds.hpp"

namespace gantry {
namespace {

using Ids = std::set<std::string>;
const TimePoint kNow = TimePoint(Duration(1'000'000'000));
const TimePoint kLater = kNow + Seconds(60);

class EdgeConformance : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "Sim")
      world_ = std::make_unique<SimWorld>();
    else
      world_ = std::make_unique<HaproxyWorld>();
    const auto started = edge().start();
    ASSERT_TRUE(started.ok()) << started.error().detail;
  }
  Edge& edge() { return world_->edge(); }
  std::int64_t apply(const std::vector<Route>& changes) {
    const auto applied = edge().apply(changes);
    EXPECT_TRUE(applied.ok()) << (applied.ok() ? "" : applied.error().detail);
    return applied.ok() ? applied->generation : -1;
  }
  std::string refusal(const std::vector<Route>& changes) {
    const auto applied = edge().apply(changes);
    return applied.ok() ? "" : applied.error().reason;
  }
  std::string drained(const ReplicaKey& key, TimePoint now = kNow) {
    const auto proof = edge().drained(key, now, {kLater, kLater});
    if (!proof) return proof.error().reason;
    EXPECT_EQ(proof->key(), key);
    return "proof";
  }
  std::unique_ptr<EdgeWorld> world_;
};

TEST_P(EdgeConformance, RoutesHostsToTheirReplicas) {
  const auto a = world_->replica(1, 0), b = world_->replica(1, 1), c = world_->replica(2, 0);
  EXPECT_EQ(world_->status("one.test"), 404);
  apply({route(1, {"one.test", "uno.test"}, {a, b}), route(2, {"two.test"}, {c})});
  EXPECT_EQ(world_->answering("one.test"), (Ids{a.key.id(), b.key.id()}));
  EXPECT_EQ(world_->answering("uno.test"), (Ids{a.key.id(), b.key.id()}));
  EXPECT_EQ(world_->answering("two.test"), Ids{c.key.id()});
  EXPECT_EQ(world_->status("three.test"), 404);
  EXPECT_EQ(edge().table().size(), 2u);
}

TEST_P(EdgeConformance, WithoutReplicas503AndWithoutARoute404) {
  apply({route(1, {"one.test"}, {})});
  EXPECT_EQ(world_->status("one.test"), 503);
  apply({route(1, {"one.test"}, {world_->replica(1)})});
  EXPECT_EQ(world_->status("one.test"), 200);
  apply({route(1, {}, {})});
  EXPECT_EQ(world_->status("one.test"), 404);
  EXPECT_TRUE(edge().table().empty());
}

TEST_P(EdgeConformance, ReplacesOneDeploymentByTheNext) {
  const auto old = world_->replica(1), fresh = world_->replica(2);
  const auto first = apply({route(1, {"one.test"}, {old})});
  const auto second = apply({route(1, {"one.test"}, {draining(old), fresh})});
  EXPECT_GT(second, first);
  EXPECT_EQ(world_->answering("one.test"), Ids{fresh.key.id()});
  EXPECT_EQ(drained(old.key), "proof");
  apply({route(1, {"one.test"}, {fresh})});
  EXPECT_EQ(world_->answering("one.test"), Ids{fresh.key.id()});
  EXPECT_EQ(drained(old.key), "proof");
}

TEST_P(EdgeConformance, TheSameTwiceIsTheSameGeneration) {
  const auto changes = std::vector<Route>{route(1, {"one.test"}, {world_->replica(1)})};
  const auto generation = apply(changes);
  EXPECT_EQ(apply(changes), generation);
}

TEST_P(EdgeConformance, ProvesADrainOnlyWhenNoSessionIsLeft) {
  const auto old = world_->replica(1), fresh = world_->replica(2);
  apply({route(1, {"one.test"}, {old})});
  world_->open_session("one.test", old.key);
  EXPECT_EQ(drained(old.key), "still_routed");
  EXPECT_EQ(drained(old.key, kLater), "still_routed");
  apply({route(1, {"one.test"}, {draining(old), fresh})});
  EXPECT_EQ(drained(old.key), "sessions_left");
  EXPECT_EQ(drained(old.key, kLater), "proof");
  world_->close_sessions();
  EXPECT_EQ(drained(old.key), "proof");
  EXPECT_EQ(drained(replica_key(99)), "proof");
}

TEST_P(EdgeConformance, ADrainingReplicaMayComeBack) {
  const auto a = world_->replica(1);
  apply({route(1, {"one.test"}, {draining(a)})});
  EXPECT_EQ(world_->status("one.test"), 503);
  apply({route(1, {"one.test"}, {a})});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  EXPECT_EQ(drained(a.key), "still_routed");
}

TEST_P(EdgeConformance, AHostMovesBetweenInstances) {
  const auto a = world_->replica(1), b = world_->replica(2);
  apply({route(1, {"one.test", "app.test"}, {a}), route(2, {"two.test"}, {b})});
  EXPECT_EQ(refusal({route(2, {"two.test", "app.test"}, {b})}), "host_taken");
  apply({route(2, {"two.test", "app.test"}, {b}), route(1, {"one.test"}, {a})});
  EXPECT_EQ(world_->answering("app.test"), Ids{b.key.id()});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
}

TEST_P(EdgeConformance, RefusesBadInputAndChangesNothing) {
  const auto a = world_->replica(1);
  apply({route(1, {"one.test"}, {a})});
  const auto before = edge().table();
  auto broken = a;
  broken.address.host = "1.2.3.4:1 weight 5\n#";
  EXPECT_EQ(refusal({route(1, {"one.test"}, {broken})}), "address_invalid");
  broken.address = {"127.0.0.1", 70000};
  EXPECT_EQ(refusal({route(1, {"one.test"}, {broken})}), "address_invalid");
  for (const char* host :
       {"", "Upper.test", "a b", "a\nb", "-a.test", "a..b", "x;y", "a.test.", "a-.test"})
    EXPECT_EQ(refusal({route(2, {host}, {})}), "host_invalid") << host;
  EXPECT_EQ(refusal({route(2, {"two.test"}, {a})}), "replica_twice");
  EXPECT_EQ(refusal({route(2, {"b.test"}, {}), route(2, {"c.test"}, {})}), "instance_twice");
  EXPECT_EQ(edge().table(), before);
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
}

TEST_P(EdgeConformance, TheTableOutlivesTheDaemon) {
  const auto a = world_->replica(1), b = world_->replica(2);
  apply({route(1, {"one.test"}, {a}), route(2, {"two.test"}, {draining(b)})});
  apply({route(3, {"three.test"}, {})});
  apply({route(3, {}, {})});
  const auto before = edge().table();
  world_->restart_daemon();
  EXPECT_EQ(edge().table(), before);
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  EXPECT_EQ(world_->status("two.test"), 503);
  EXPECT_EQ(drained(b.key), "proof");
  EXPECT_FALSE(*edge().supervise());
}

TEST_P(EdgeConformance, ADeadProxyComesBackWithTheTable) {
  const auto a = world_->replica(1);
  apply({route(1, {"one.test"}, {a})});
  world_->kill_proxy();
  const auto repaired = edge().supervise();
  ASSERT_TRUE(repaired.ok()) << repaired.error().detail;
  EXPECT_TRUE(*repaired);
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  EXPECT_FALSE(*edge().supervise());
}

INSTANTIATE_TEST_SUITE_P(Edge, EdgeConformance, ::testing::Values("Sim", "Haproxy"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(EdgeSim, FaultsAreHeardAndHealed) {
  SimEdge edge;
  EXPECT_FALSE(edge.apply({}).ok());
  ASSERT_TRUE(edge.start().ok());
  SimWorld maker;
  const std::vector<Route> changes{route(1, {"one.test"}, {maker.replica(1, 0)})};
  edge.fail_next_applies(1);
  EXPECT_FALSE(edge.apply(changes).ok());
  EXPECT_TRUE(edge.table().empty());
  edge.fail_next_applies(2, SimEdge::Fault::lost);
  EXPECT_FALSE(edge.apply(changes).ok());
  EXPECT_FALSE(edge.apply(changes).ok());
  EXPECT_EQ(edge.table().size(), 1u);
  EXPECT_TRUE(edge.receivers("one.test").empty());
  EXPECT_TRUE(edge.history().empty());
  EXPECT_TRUE(*edge.supervise());
  EXPECT_EQ(edge.receivers("one.test").size(), 1u);
  EXPECT_TRUE(edge.apply(changes).ok());
}

}  // namespace
}  // namespace gantry
