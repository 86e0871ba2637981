// What only the real proxy can show: its death, drift, reloads and drains.
#include "tests/edge/haproxy_fixture.hpp"

namespace gantry {
namespace {

TEST_F(EdgeHaproxy, AdoptsAProxyThatOutlivedTheDaemon) {
  const auto replica = serve_one();
  const pid_t master = world_.master_pid(), worker = world_.worker_pid();
  world_.drop_daemon();
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  world_.restart_daemon();
  EXPECT_EQ(world_.master_pid(), master);
  EXPECT_EQ(world_.worker_pid(), worker) << "adoption must not reload";
  EXPECT_TRUE(noticed("edge_adopted"));
  const auto second = world_.replica(2, 0);
  apply({route(2, {"two.test"}, {second})});
  EXPECT_EQ(world_.answering("two.test"), Ids{second.key.id()});
}

TEST_F(EdgeHaproxy, ComesBackAfterItsMasterIsKilled) {
  const auto replica = serve_one();
  const pid_t master = world_.master_pid();
  world_.kill_master();
  await_death(master);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(supervise());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_TRUE(noticed("edge_restarted"));
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeHaproxy, ComesBackAfterItsWorkerIsKilled) {
  const auto replica = serve_one();
  world_.kill_worker();  // supervised at once: the master is still dying of it
  EXPECT_TRUE(supervise());
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeHaproxy, AnApplyFindsTheProxyDeadAndStartsIt) {
  const auto replica = serve_one();
  const pid_t master = world_.master_pid();
  world_.kill_master();
  await_death(master);
  const auto second = world_.replica(2, 0);
  apply({route(2, {"two.test"}, {second})});
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_EQ(world_.answering("two.test"), Ids{second.key.id()});
}

TEST_F(EdgeHaproxy, AnApplyThatNeedsMoreSlotsFindsTheProxyDead) {
  const auto replica = serve_one();
  const pid_t master = world_.master_pid();
  world_.kill_master();
  await_death(master);
  std::vector<Route> many;
  for (int n = 2; n <= 12; ++n) many.push_back(route(n, {"n" + std::to_string(n) + ".test"}, {}));
  apply(many);
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_EQ(world_.status("n12.test"), 503);
}

TEST_F(EdgeHaproxy, StartsOnTheFilesAfterBothDied) {
  const auto replica = serve_one();
  world_.drop_daemon();
  world_.kill_master();
  world_.restart_daemon();
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
}

TEST_F(EdgeHaproxy, RepairsDriftWithoutAReload) {
  start();
  const auto a = world_.replica(1, 0), b = world_.replica(1, 1), c = world_.replica(2, 0);
  apply({route(1, {"one.test", "uno.test"}, {a, b}), route(2, {"two.test"}, {c})});
  const pid_t worker = world_.worker_pid();
  const std::string map = EdgePaths(world_.options).maps[kHostsMap];
  const std::string first = "s0001/" + a.key.id(), second = "s0001/" + b.key.id();
  const std::vector<std::vector<std::string>> damages = {
      {"set server " + first + " state maint", "del server " + first},
      {"set server " + first + " state drain"},
      {"set server " + first + " state maint"},
      {"set server " + second + " weight 1"},
      {"set server " + second + " addr 127.0.0.1 port 9"},
      {"disable health " + second},
      {"add server s0001/intruder 127.0.0.1:9", "enable server s0001/intruder"},
      {"add server s0007/" + c.key.id() + " 127.0.0.1:9"},
      {"del map " + map + " one.test"},
      {"set map " + map + " one.test s0002"},
      {"add map " + map + " one.test s0002"},
      {"add map " + map + " stray.test s0001"},
      {"clear map " + map},
  };
  for (const auto& damage : damages) {
    for (const auto& command : damage) world_.tell_worker(command);
    EXPECT_TRUE(supervise()) << damage[0];
    EXPECT_FALSE(supervise()) << damage[0];
    EXPECT_EQ(world_.answering("one.test"), (Ids{a.key.id(), b.key.id()})) << damage[0];
    EXPECT_EQ(world_.answering("two.test"), Ids{c.key.id()}) << damage[0];
    EXPECT_EQ(world_.status("stray.test"), 404);
  }
  EXPECT_EQ(world_.worker_pid(), worker);
}

TEST_F(EdgeHaproxy, AReloadBySomebodyElseIsNoticed) {
  const auto replica = serve_one();
  const pid_t worker = world_.worker_pid();
  ::kill(world_.master_pid(), SIGUSR2);
  for (int i = 0; i < 200 && world_.worker_pid() == worker; ++i)
    std::this_thread::sleep_for(milliseconds(10));
  supervise();
  const auto second = world_.replica(2, 0);
  apply({route(2, {"two.test"}, {second})});
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_EQ(world_.answering("two.test"), Ids{second.key.id()});
}

TEST_F(EdgeHaproxy, GrowsItsPoolUnderTrafficWithoutAFailure) {
  const auto replica = serve_one();
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&] {
      while (!stop) {
        (world_.get("one.test").body == replica.key.id() ? good : bad) += 1;
        std::this_thread::sleep_for(milliseconds(4));
      }
    });
  const pid_t worker = world_.worker_pid();
  std::vector<RouteBackend> replicas;
  for (int n = 2; n <= 20; ++n) {  // 8 slots at first
    replicas.push_back(world_.replica(n, 0));
    apply({route(n, {"n" + std::to_string(n) + ".test"}, {replicas.back()})});
  }
  supervise();
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_NE(world_.worker_pid(), worker);
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 100);
  for (int n = 2; n <= 20; ++n)
    EXPECT_EQ(world_.get("n" + std::to_string(n) + ".test").body, replicas[n - 2].key.id());
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeHaproxy, ReplacesReplicasUnderTrafficWithoutAFailure) {
  auto current = serve_one();
  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, bad{0};
  std::thread client([&] {
    while (!stop) (world_.get("one.test").status == 200 ? good : bad) += 1;
  });
  for (int n = 2; n <= 30; ++n) {
    const auto next = world_.replica(n, 0);
    apply({route(1, {"one.test"}, {draining(current), next})});
    const TimePoint now{};
    while (!world_.edge().drained(current.key, now, {now + Seconds(1), now + Seconds(1)}))
      std::this_thread::sleep_for(milliseconds(1));
    apply({route(1, {"one.test"}, {next})});
    current = next;
  }
  stop = true;
  client.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(good, 20);
}

TEST_F(EdgeHaproxy, AStreamInAnOldWorkerStillCounts) {
  const auto old = serve_one();
  world_.open_stream("one.test", old.key);
  for (int n = 2; n <= 12; ++n)
    apply({route(n, {"n" + std::to_string(n) + ".test"}, {})});  // a reload
  apply({route(1, {"one.test"}, {draining(old)})});
  const TimePoint now{};
  const auto proof = world_.edge().drained(old.key, now, {now, now + Seconds(60)});
  ASSERT_FALSE(proof.ok());
  EXPECT_NE(proof.error().detail.find("1 streams left"), std::string::npos) << proof.error().detail;
  EXPECT_EQ(world_.edge().load()->front().sessions, 1);
  world_.close_sessions();
  for (int i = 0; i < 200 && !world_.edge().drained(old.key, now, {now, now + Seconds(60)}); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(world_.edge().drained(old.key, now, {now, now + Seconds(60)}).ok());
}

TEST_F(EdgeHaproxy, SessionsInAnOldWorkerStillCount) {
  const auto old = serve_one();
  world_.open_session("one.test", old.key);
  for (int n = 2; n <= 12; ++n)
    apply({route(n, {"n" + std::to_string(n) + ".test"}, {})});  // a reload
  apply({route(1, {"one.test"}, {draining(old)})});
  const TimePoint now{};
  const auto proof = world_.edge().drained(old.key, now, {now + Seconds(60), now + Seconds(60)});
  ASSERT_FALSE(proof.ok());
  EXPECT_EQ(proof.error().reason, "sessions_left");
  EXPECT_TRUE(world_.edge().drained(old.key, now, {now, now + Seconds(60)}).ok()) << "no stream";
  world_.close_sessions();
  for (int i = 0;
       i < 200 && !world_.edge().drained(old.key, now, {now + Seconds(60), now + Seconds(60)}); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(world_.edge().drained(old.key, now, {now + Seconds(60), now + Seconds(60)}).ok());
}

}  // namespace
}  // namespace gantry
