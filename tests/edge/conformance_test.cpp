#include <mutex>
#include <thread>

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
    edge().on_wake([woken = woken_](const InstanceId& id) {
      const std::lock_guard lock(woken->mutex);
      woken->ids.push_back(id);
    });
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
  std::string drained(const ReplicaKey& key, const DrainDeadlines& deadlines) {
    const auto proof = edge().drained(key, kNow, deadlines);
    return proof ? "proof" : proof.error().reason;
  }
  RouteLoad load_of(int instance) {
    const auto loads = edge().load();
    EXPECT_TRUE(loads.ok()) << (loads.ok() ? "" : loads.error().detail);
    if (loads)
      for (const auto& load : *loads)
        if (load.instance_id == instance_id(instance)) return load;
    return {};
  }
  // Whether it comes to that within 5 s.
  template <class Condition>
  bool soon(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  }
  std::size_t wakes() {
    const std::lock_guard lock(woken_->mutex);
    for (const auto& id : woken_->ids) EXPECT_EQ(id, instance_id(1));
    return woken_->ids.size();
  }
  struct Woken {
    std::mutex mutex;
    std::vector<InstanceId> ids;
  };
  std::shared_ptr<Woken> woken_ = std::make_shared<Woken>();
  std::unique_ptr<EdgeWorld> world_;
};

RouteBackend weighing(RouteBackend backend, int weight) {
  backend.weight = weight;
  return backend;
}

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
  apply({route(2, {"two.test", "app.test"}, {b}), route(1, {"one.test"}, {a})});
  EXPECT_EQ(world_->answering("app.test"), Ids{b.key.id()});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  apply({route(1, {"one.test", "app.test"}, {a})});  // the claim alone
  EXPECT_EQ(world_->answering("app.test"), Ids{a.key.id()});
  EXPECT_EQ(world_->answering("two.test"), Ids{b.key.id()});
  EXPECT_EQ(edge().table()[1].hosts, std::vector<std::string>{"two.test"});
  apply({route(2, {"two.test"}, {b}), route(1, {"app.test", "one.test"}, {a})});
  EXPECT_EQ(world_->answering("app.test"), Ids{a.key.id()});
  EXPECT_EQ(refusal({route(3, {"new.test"}, {}), route(4, {"new.test"}, {})}), "host_taken");
}

TEST_P(EdgeConformance, SharesRequestsByWeight) {
  const auto a = world_->replica(1), b = world_->replica(2);
  using Shares = std::map<std::string, int>;
  apply({route(1, {"one.test"}, {weighing(a, 90), weighing(b, 10)})});
  EXPECT_EQ(world_->shares("one.test"), (Shares{{a.key.id(), 90}, {b.key.id(), 10}}));
  apply({route(1, {"one.test"}, {weighing(a, 25), weighing(b, 75)})});
  EXPECT_EQ(world_->shares("one.test"), (Shares{{a.key.id(), 25}, {b.key.id(), 75}}));
  apply({route(1, {"one.test"}, {weighing(a, 256), weighing(b, 0)})});
  EXPECT_EQ(world_->shares("one.test"), (Shares{{a.key.id(), 100}}));
  EXPECT_EQ(drained(b.key), "still_routed") << "a standby does not drain";
  apply({route(1, {"one.test"}, {draining(weighing(a, 256)), weighing(b, 1)})});
  EXPECT_EQ(world_->shares("one.test"), (Shares{{b.key.id(), 100}}));
  EXPECT_EQ(drained(a.key), "proof");
  apply({route(1, {"one.test"}, {weighing(a, 0), weighing(b, 0)})});
  EXPECT_EQ(world_->status("one.test"), 503);
  EXPECT_FALSE(*edge().supervise());
}

TEST_P(EdgeConformance, APreviewMeetsItsReplicasAndNoOther) {
  const auto a = world_->replica(1), b = world_->replica(2, 0), c = world_->replica(2, 1);
  auto one = route(1, {"one.test"}, {a, weighing(b, 0), weighing(c, 0)});
  one.previews = {{"next.one.test", {b.key, c.key}}, {"gone.one.test", {replica_key(9)}}};
  apply({one});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  EXPECT_EQ(world_->answering("next.one.test"), (Ids{b.key.id(), c.key.id()}));
  EXPECT_EQ(world_->status("gone.one.test"), 503);
  one.backends = {a, weighing(b, 0), draining(c)};
  apply({one});
  EXPECT_EQ(world_->answering("next.one.test"), Ids{b.key.id()});
  one.backends = {a, draining(b), draining(c)};
  apply({one});
  EXPECT_EQ(world_->status("next.one.test"), 503);
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  one.previews.clear();
  one.hosts = {"next.one.test", "one.test"};
  apply({one});
  EXPECT_EQ(world_->answering("next.one.test"), Ids{a.key.id()}) << "a host like any other now";
  EXPECT_EQ(world_->status("gone.one.test"), 404);
}

TEST_P(EdgeConformance, ASplitSendsAShareElsewhere) {
  const auto a = world_->replica(1), b = world_->replica(2);
  auto one = route(1, {"one.test"}, {a});
  one.split = RouteSplit{instance_id(2), 30};
  one.previews = {{"pre.test", {a.key}}};
  apply({one});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()}) << "no such route: ignored";
  apply({route(2, {"two.test"}, {})});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()}) << "nothing serves there: ignored";
  apply({route(2, {"two.test"}, {b})});
  auto shares = world_->shares("one.test");
  EXPECT_NEAR(shares[b.key.id()], 30, 16);
  EXPECT_NEAR(shares[a.key.id()] + shares[b.key.id()], 100, 1);  // both are rounded
  EXPECT_EQ(world_->answering("two.test"), Ids{b.key.id()});
  EXPECT_EQ(world_->answering("pre.test"), Ids{a.key.id()});
  one.split->percent = 100;
  apply({one});
  EXPECT_EQ(world_->answering("one.test"), Ids{b.key.id()});
  apply({route(2, {"two.test"}, {draining(b)})});
  EXPECT_EQ(world_->answering("one.test"), Ids{a.key.id()});
  EXPECT_FALSE(*edge().supervise());
}

TEST_P(EdgeConformance, RequestsAndStreamsHaveDeadlinesOfTheirOwn) {
  const auto a = world_->replica(1), b = world_->replica(2);
  apply({route(1, {"one.test"}, {a, b})});
  world_->open_session("one.test", a.key);
  world_->open_stream("one.test", b.key);
  apply({route(1, {"one.test"}, {draining(a), draining(b)})});
  for (const auto& key : {a.key, b.key}) {
    EXPECT_EQ(drained(key, {kLater, kLater}), "sessions_left");
    EXPECT_EQ(drained(key, {kNow, kNow}), "proof");
  }
  EXPECT_EQ(drained(a.key, {kNow, kLater}), "proof") << "only a request, and its time is over";
  EXPECT_EQ(drained(b.key, {kNow, kLater}), "sessions_left") << "a stream has more time";
  world_->close_sessions();
  EXPECT_TRUE(soon([&] { return drained(b.key, {kNow, kLater}) == "proof"; }));
}

TEST_P(EdgeConformance, CountsRequestsOfEachRoute) {
  const auto a = world_->replica(1), b = world_->replica(2);
  apply({route(1, {"one.test"}, {a}), route(2, {"two.test"}, {b}), route(3, {"three.test"}, {})});
  EXPECT_EQ(edge().load()->size(), 3u);
  const auto before = load_of(1), other = load_of(2);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(world_->status("one.test"), 200);
  EXPECT_TRUE(soon([&] { return load_of(1).requests == before.requests + 7; }));
  EXPECT_EQ(load_of(2).requests, other.requests);
  EXPECT_TRUE(soon([&] { return load_of(1).sessions == 0; }));
  EXPECT_EQ(load_of(1).queued, 0);
}

TEST_P(EdgeConformance, HoldsRequestsOfASleepingRouteAndWakesIt) {
  auto one = route(1, {"one.test"}, {});
  one.asleep = true;
  apply({one, route(2, {"two.test"}, {})});
  EXPECT_EQ(world_->status("two.test"), 503) << "not asleep";
  EXPECT_EQ(wakes(), 0u);
  world_->visit("one.test");
  world_->visit("one.test");
  EXPECT_TRUE(soon([&] { return wakes() > 0; }));
  EXPECT_TRUE(soon([&] { return load_of(1).queued == 2; }));
  one.backends = {world_->replica(1)};
  apply({one});
  EXPECT_EQ(world_->visits_end(), (std::vector<int>{200, 200}));
  EXPECT_EQ(load_of(1).queued, 0);
}

TEST_P(EdgeConformance, EverythingOutlivesDaemonAndProxy) {
  const auto a = world_->replica(1), b = world_->replica(2), c = world_->replica(3);
  auto one = route(1, {"one.test"}, {weighing(a, 40), weighing(b, 0)});
  one.policy = {Balance::random, true, 50, 20};
  one.previews = {{"next.test", {b.key}}};
  one.split = RouteSplit{instance_id(2), 100};
  one.asleep = one.measured = true;
  apply({one, route(2, {"two.test"}, {c})});
  const auto before = edge().table();
  const auto check = [&](const char* when) {
    EXPECT_EQ(edge().table(), before) << when;
    EXPECT_EQ(world_->answering("one.test"), Ids{c.key.id()}) << when;
    EXPECT_EQ(world_->answering("next.test"), Ids{b.key.id()}) << when;
    EXPECT_FALSE(*edge().supervise()) << when;
  };
  check("at first");
  world_->restart_daemon();
  check("after the daemon's restart");
  world_->kill_proxy();
  EXPECT_TRUE(*edge().supervise());
  check("after the proxy's death");
  one.split.reset();
  apply({one});
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
  auto bad = route(2, {"two.test"}, {});
  bad.previews = {{"Up.test", {}}};
  EXPECT_EQ(refusal({bad}), "host_invalid");
  bad.previews = {{"two.test", {}}};
  EXPECT_EQ(refusal({bad}), "host_twice");
  bad.previews.clear();
  for (const int percent : {0, 101}) {
    bad.split = RouteSplit{instance_id(1), percent};
    EXPECT_EQ(refusal({bad}), "split_invalid") << percent;
  }
  bad.split = RouteSplit{instance_id(2), 50};
  EXPECT_EQ(refusal({bad}), "split_invalid");
  bad.split.reset();
  bad.policy.queue_seconds = 0;
  EXPECT_EQ(refusal({bad}), "policy_invalid");
  bad.policy = {};
  bad.policy.max_connections = -1;
  EXPECT_EQ(refusal({bad}), "policy_invalid");
  for (const int weight : {-1, 257})
    EXPECT_EQ(refusal({route(1, {"one.test"}, {weighing(a, weight)})}), "weight_invalid") << weight;
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

TEST(EdgeSim, WhatWaitsRemindsAndIsCounted) {
  SimEdge edge;
  std::vector<InstanceId> woken;
  edge.on_wake([&](const InstanceId& id) { woken.push_back(id); });
  ASSERT_TRUE(edge.start().ok());
  SimWorld maker;
  auto one = route(1, {"one.test"}, {});
  one.asleep = one.measured = true;
  ASSERT_TRUE(edge.apply({one}).ok());
  EXPECT_EQ(edge.request("one.test"), SimEdge::Outcome::held);
  edge.remind();
  EXPECT_EQ(woken, (std::vector<InstanceId>{instance_id(1), instance_id(1)}));
  edge.set_load({instance_id(1), 5, 2, 1});
  EXPECT_EQ(edge.load()->front().requests, 5u);
  EXPECT_EQ(edge.load()->front().queued, 2);
  one.backends = {maker.replica(1)};
  ASSERT_TRUE(edge.apply({one}).ok());
  EXPECT_EQ(edge.held(instance_id(1)), 0);
  EXPECT_EQ(edge.load()->front().requests, 6u);
  Measure measure;
  measure.requests = 3;
  edge.add_measure(replica_key(1), measure);
  edge.add_measure(replica_key(2), measure);
  ASSERT_EQ(edge.measured().size(), 1u);
  EXPECT_TRUE(edge.measured().empty());
}

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
