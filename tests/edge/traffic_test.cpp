// Policies, pins and moves that only the real proxy can show.
#include "tests/edge/haproxy_fixture.hpp"

namespace gantry {
namespace {

using std::chrono::seconds;

class EdgeTraffic : public EdgeHaproxy {
 protected:
  // A client that keeps its cookie.
  std::string cookie_of(const HttpReply& reply) {
    const auto set = reply.header("set-cookie");
    return set.substr(0, set.find(';'));
  }
  HttpReply with_cookie(const std::string& cookie, const std::string& path = "/") {
    return world_.get("one.test", path, "Cookie: a=b; " + cookie + "\r\n");
  }
  template <class Condition>
  bool soon(Condition condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
    return condition();
  }
  int queued(int instance) {
    const auto loads = world_.edge().load();
    EXPECT_TRUE(loads.ok());
    for (const auto& load : *loads)
      if (load.instance_id == instance_id(instance)) return load.queued;
    return -1;
  }
};

TEST_F(EdgeTraffic, AStickyClientKeepsItsReplicaUntilThatDrains) {
  start();
  const auto a = world_.replica(1, 0), b = world_.replica(1, 1), c = world_.replica(1, 2);
  auto one = route(1, {"one.test"}, {a, b, c});
  one.policy.sticky = true;
  const pid_t worker = (apply({one}), world_.worker_pid());
  const auto first = world_.get("one.test");
  const std::string cookie = cookie_of(first);
  ASSERT_EQ(cookie, "gantry_replica=" + first.body);
  EXPECT_NE(first.header("set-cookie").find("HttpOnly"), std::string::npos);
  for (int i = 0; i < 12; ++i) {
    const auto reply = with_cookie(cookie);
    EXPECT_EQ(reply.body, first.body);
    EXPECT_EQ(reply.header("set-cookie"), "");
  }
  for (auto& backend : one.backends) backend.draining = backend.key.id() == first.body;
  apply({one});
  for (int i = 0; i < 12; ++i) {
    const auto reply = with_cookie(cookie);
    EXPECT_EQ(reply.status, 200);
    EXPECT_NE(reply.body, first.body) << "it drains";
    EXPECT_EQ(cookie_of(reply), "gantry_replica=" + reply.body);
  }
  for (auto& backend : one.backends) {
    backend.weight = backend.draining ? 0 : kFullWeight;
    backend.draining = false;
  }
  apply({one});
  for (int i = 0; i < 12; ++i) EXPECT_NE(with_cookie(cookie).body, first.body) << "it stands by";
  one.policy.sticky = false;
  apply({one});
  EXPECT_EQ(world_.get("one.test").header("set-cookie"), "");
  EXPECT_EQ(world_.worker_pid(), worker) << "all of it without a reload";
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeTraffic, AStickyClientOfADeadReplicaGoesElsewhere) {
  start();
  const auto good = world_.replica(1, 0);
  const RouteBackend dead{replica_key(1, 1), {"127.0.0.1", free_port()}};
  auto one = route(1, {"one.test"}, {good, dead});
  one.policy.sticky = true;
  apply({one});
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(with_cookie("gantry_replica=" + dead.key.id()).body, good.key.id());
  EXPECT_EQ(with_cookie("gantry_replica=rubbish").body, good.key.id());
}

TEST_F(EdgeTraffic, AForgedCookieOpensNoPreviewAndLeavesNone) {
  start();
  const auto a = world_.replica(1), b = world_.replica(2);
  auto one = route(1, {"one.test"}, {a, b});
  one.backends[1].weight = 0;
  one.policy.sticky = true;
  one.previews = {{"next.test", {b.key}}};
  apply({one});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(with_cookie("gantry_replica=" + b.key.id()).body, a.key.id());
    EXPECT_EQ(world_.get("next.test", "/", "Cookie: gantry_replica=" + a.key.id() + "\r\n").body,
              b.key.id());
  }
}

TEST_F(EdgeTraffic, APreviewOfADeadReplicaIs503AndNeverAnotherVersion) {
  start();
  const auto a = world_.replica(1);
  RouteBackend dead{replica_key(2), {"127.0.0.1", free_port()}};
  dead.weight = 0;
  auto one = route(1, {"one.test"}, {a, dead});
  one.previews = {{"next.test", {dead.key}}};
  apply({one});
  EXPECT_EQ(world_.get("next.test").status, 503) << "before the proxy's checks have seen it";
  const std::string server = "s0001/" + dead.key.id();
  ASSERT_TRUE(soon([&] {
    return world_.tell_worker("show stat s0001 4 -1").find(",DOWN,") != std::string::npos;
  }));
  EXPECT_EQ(world_.get("next.test").status, 503) << "and after";
  EXPECT_EQ(world_.last_request(), "") << "nor has another version seen it";
  EXPECT_EQ(world_.answering("one.test"), Ids{a.key.id()});
  world_.tell_worker("set server " + server + " state maint");
  world_.tell_worker("del server " + server);
  EXPECT_EQ(world_.get("next.test").status, 503) << "even when somebody has removed its server";
  EXPECT_TRUE(supervise());
}

TEST_F(EdgeTraffic, ConnectionsAreLimitedAndMoreWait) {
  start();
  const auto a = world_.replica(1);
  auto one = route(1, {"one.test"}, {a});
  one.policy.max_connections = 1;
  const pid_t worker = (apply({one}), world_.worker_pid());
  world_.open_session("one.test", a.key);
  world_.visit("one.test");
  EXPECT_TRUE(soon([&] { return queued(1) == 1; }));
  one.policy.max_connections = 2;
  apply({one});
  EXPECT_EQ(world_.visits_end(), std::vector<int>{200}) << "there is room for two now";
  world_.visit("one.test");
  EXPECT_EQ(world_.visits_end(), std::vector<int>{200});
  one.policy.max_connections = 0;
  apply({one});
  EXPECT_EQ(world_.worker_pid(), worker);
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeTraffic, WhoWaitsTooLongGets503) {
  start();
  const auto a = world_.replica(1);
  auto one = route(1, {"one.test"}, {a});
  one.policy.max_connections = 1;
  one.policy.queue_seconds = 1;
  apply({one});
  world_.open_session("one.test", a.key);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(world_.get("one.test").status, 503);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, milliseconds(900));
  EXPECT_LT(took, seconds(5));
}

TEST_F(EdgeTraffic, AnotherBalanceIsAReloadWithoutAFailure) {
  const auto a = serve_one();
  const auto b = world_.replica(1, 1);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::thread client([&] {
    while (!stop) (world_.get("one.test").status == 200 ? good : bad) += 1;
  });
  const pid_t worker = world_.worker_pid();
  auto one = route(1, {"one.test"}, {a});
  one.policy.balance = Balance::least_connections;
  apply({one});
  stop = true;
  client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 0);
  EXPECT_NE(world_.worker_pid(), worker);
  world_.open_session("one.test", a.key);
  one.backends.push_back(b);
  apply({one});
  for (int i = 0; i < 6; ++i) EXPECT_EQ(world_.get("one.test").body, b.key.id());
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeTraffic, ADomainMovesUnderLoadWithoutAFailure) {
  start();
  const auto a = world_.replica(1), b = world_.replica(2);
  apply({route(1, {"one.test", "app.test"}, {a}), route(2, {"two.test"}, {b})});
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      while (!stop) {
        const auto reply = world_.get("app.test");
        const bool known = reply.body == a.key.id() || reply.body == b.key.id();
        (reply.status == 200 && known ? good : bad) += 1;
      }
    });
  for (int i = 0; i < 40; ++i) {
    const bool to_two = i % 2 == 0;
    if (to_two)
      apply({route(2, {"two.test", "app.test"}, {b})});
    else
      apply({route(1, {"one.test", "app.test"}, {a}), route(2, {"two.test"}, {b})});
    EXPECT_EQ(world_.get("app.test").body, (to_two ? b : a).key.id());
  }
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 40);
}

TEST_F(EdgeTraffic, AWholeCanaryLosesNoRequest) {
  const auto old = serve_one();
  auto fresh = world_.replica(2);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::thread client([&] {
    while (!stop) (world_.get("one.test").status == 200 ? good : bad) += 1;
  });
  auto one = route(1, {"one.test"}, {old, fresh});
  one.measured = true;
  one.previews = {{"next.test", {fresh.key}}};
  for (int round = 0; round < 5; ++round)
    for (const int percent : {0, 10, 50, 100}) {
      one.backends[0].weight = 100 - percent;
      one.backends[1].weight = percent;
      apply({one});
      EXPECT_EQ(world_.get("next.test").body, fresh.key.id());
    }
  stop = true;
  client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 20);
}

TEST_F(EdgeTraffic, RepairsDriftOfEveryMapWithoutAReload) {
  start();
  const auto a = world_.replica(1), b = world_.replica(2), c = world_.replica(3);
  auto one = route(1, {"one.test"}, {a, b});
  one.backends[1].weight = 0;
  one.policy = {Balance::round_robin, true, 9, 30};
  one.previews = {{"next.test", {b.key}}};
  one.split = RouteSplit{instance_id(2), 100};
  apply({one, route(2, {"two.test"}, {c})});
  const pid_t worker = world_.worker_pid();
  const auto& maps = EdgePaths(world_.options).maps;
  const std::string standby = "s0001/" + b.key.id();
  for (const std::string& damage : std::vector<std::string>{
           "set server " + standby + " weight 5", "set server " + standby + " state drain",
           "clear map " + maps[kSlotsMap], "clear map " + maps[kPinsMap],
           "clear map " + maps[kStickyMap],
           "set map " + maps[kPinsMap] + " s0001/next.test:0 " + a.key.id(),
           "set map " + maps[kSlotsMap] + " s0001 -///0",
           "set map " + maps[kHostsMap] + " next.test s0001/",
           "set map " + maps[kHostsMap] + " one.test s0001",
           "add map " + maps[kStickyMap] + " " + b.key.id() + " s0001"}) {
    EXPECT_EQ(world_.tell_worker(damage), "");
    EXPECT_TRUE(supervise()) << damage;
    EXPECT_FALSE(supervise()) << damage;
    EXPECT_EQ(world_.answering("one.test"), Ids{c.key.id()}) << damage;
    EXPECT_EQ(world_.answering("next.test"), Ids{b.key.id()}) << damage;
  }
  EXPECT_EQ(world_.worker_pid(), worker);
}

// By hand, for figures: --gtest_also_run_disabled_tests
TEST_F(EdgeTraffic, DISABLED_FromApplyToTheFirstRequestOnTheNewVersion) {
  const auto old = serve_one();
  const auto fresh = world_.replica(2);
  std::vector<double> times;
  for (int i = 0; i < 100; ++i) {
    auto one = route(1, {"one.test"}, {old, fresh});
    one.backends[i % 2].weight = 0;
    const std::string wanted = one.backends[1 - i % 2].key.id();
    const auto begin = std::chrono::steady_clock::now();
    apply({one});
    while (world_.get("one.test").body != wanted) {
    }
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::sort(times.begin(), times.end());
  std::cout << "from apply() to the first answer of the new version: p50 " << times[50]
            << " ms, p95 " << times[95] << " ms\n";
}

}  // namespace
}  // namespace gantry
