// The real proxy's ports, files, pages and figures.
#include "tests/edge/haproxy_fixture.hpp"

namespace gantry {
namespace {

TEST_F(EdgeHaproxy, NamesThePortThatIsTaken) {
  const LoopbackServer squatter(LoopbackServer::Silent{});
  world_.options.port = squatter.port();
  world_.drop_daemon();
  auto edge = make_haproxy_edge(world_.options);
  const auto started = edge->start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Code::conflict);
  EXPECT_EQ(started.error().reason, "port_in_use");
  EXPECT_NE(started.error().detail.find(std::to_string(squatter.port())), std::string::npos);
  EXPECT_EQ(world_.master_pid(), 0);
}

TEST_F(EdgeHaproxy, ARunningProxySurvivesAMoveToATakenPortAndFollowsToAFreeOne) {
  const auto replica = serve_one();
  const int old_port = world_.options.port;
  const LoopbackServer squatter(LoopbackServer::Silent{});
  world_.drop_daemon();
  auto options = world_.options;
  options.port = squatter.port();
  {
    const auto started = make_haproxy_edge(options)->start();
    ASSERT_FALSE(started.ok());
    EXPECT_EQ(started.error().reason, "port_in_use");
  }
  EXPECT_EQ(http_get(old_port, "one.test").body, replica.key.id());
  world_.options.port = free_port();
  world_.restart_daemon();
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_EQ(http_get(old_port, "one.test").status, 0);
}

TEST_F(EdgeHaproxy, TwoDaemonsCannotShareAFolder) {
  start();
  const auto second = make_haproxy_edge(world_.options)->start();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, "edge_locked");
}

TEST_F(EdgeHaproxy, ADamagedStateFileCostsNothing) {
  const auto replica = serve_one();
  const auto second = world_.replica(2, 0);
  world_.restart_daemon();  // compacts
  apply({route(2, {"two.test"}, {second})});
  const auto before = world_.edge().table();
  const pid_t master = world_.master_pid();
  world_.drop_daemon();
  std::ofstream(world_.file("routes.json")) << "{\"generation\": 12, \"slo";
  world_.restart_daemon();
  EXPECT_EQ(world_.edge().table(), before);
  EXPECT_TRUE(noticed("edge_state_restored"));
  EXPECT_EQ(world_.master_pid(), master);

  world_.drop_daemon();
  for (const char* name :
       {"routes.json", "routes.json.bak", "routes.journal", "routes.journal.bak"})
    std::ofstream(world_.file(name)) << "garbage";
  world_.restart_daemon();
  EXPECT_EQ(world_.edge().table(), before);
  EXPECT_TRUE(noticed("edge_state_rebuilt"));
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  EXPECT_EQ(world_.answering("two.test"), Ids{second.key.id()});
}

TEST_F(EdgeHaproxy, StaleSocketsAndForeignPidsAreNotBelieved) {
  start();
  world_.drop_daemon();
  const pid_t master = world_.master_pid();
  ::kill(master, SIGKILL);
  await_death(master);
  ASSERT_TRUE(replace_file(world_.file("run/master.pid"), std::to_string(::getpid()) + "\n").ok());
  world_.restart_daemon();
  EXPECT_NE(world_.master_pid(), 0);
  EXPECT_NE(world_.master_pid(), master);
}

TEST_F(EdgeHaproxy, SetsForwardingHeadersAndTheRequestId) {
  serve_one();
  const auto reply =
      world_.get("ONE.test.:8080", "/x",
                 "X-Forwarded-For: 6.6.6.6\r\nX-Request-Id: mine\r\nForwarded: for=6.6.6.6\r\n"
                 "X-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nProxy: evil\r\n");
  EXPECT_EQ(reply.status, 200);
  HttpReply seen;
  seen.head = world_.last_request();
  EXPECT_EQ(seen.header("x-forwarded-for"), "127.0.0.1");
  EXPECT_EQ(seen.header("x-real-ip"), "127.0.0.1");
  EXPECT_EQ(seen.header("x-forwarded-proto"), "http");
  EXPECT_EQ(seen.header("x-forwarded-host"), "ONE.test.:8080");
  EXPECT_EQ(seen.header("forwarded"), "");
  EXPECT_EQ(seen.header("proxy"), "");
  EXPECT_EQ(seen.header("x-request-id").size(), 36u);
  EXPECT_EQ(reply.header("x-request-id"), seen.header("x-request-id"));
  EXPECT_EQ(world_.last_request().find("6.6.6.6"), std::string::npos);
}

TEST_F(EdgeHaproxy, AnswersWithPagesThatCarryTheRequestId) {
  start();
  const LoopbackServer rude([](const std::string&) { return std::string("nonsense\r\n\r\n"); });
  RouteBackend bad{replica_key(9), {"127.0.0.1", rude.port()}, false};
  apply({route(1, {"empty.test"}, {}), route(2, {"rude.test"}, {bad})});
  const auto check = [](const HttpReply& reply, int status) {
    EXPECT_EQ(reply.status, status);
    const auto id = reply.header("x-request-id");
    EXPECT_EQ(id.size(), 36u);
    EXPECT_NE(reply.body.find("<code>" + id + "</code>"), std::string::npos);
    EXPECT_NE(reply.body.find("<html lang=\"en\">"), std::string::npos);
    EXPECT_EQ(reply.header("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(reply.header("cache-control"), "no-store");
  };
  check(world_.get("nobody.test"), 404);
  const auto empty = world_.get("empty.test");
  check(empty, 503);
  EXPECT_EQ(empty.header("retry-after"), "5");
  check(world_.get("rude.test"), 502);
  // What is not HTTP never becomes a request: HAProxy's own short page, no id.
  EXPECT_EQ(world_.get("empty.test", "/with a space").status, 400);
}

TEST_F(EdgeHaproxy, ADeadReplicaIsPassedOver) {
  start();
  const auto good = world_.replica(1, 0);
  const RouteBackend dead{replica_key(1, 1), {"127.0.0.1", free_port()}, false};
  apply({route(1, {"one.test"}, {good, dead})});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world_.get("one.test").body, good.key.id());
}

TEST_F(EdgeHaproxy, AReplicaThatMovesIsFollowed) {
  auto replica = serve_one();
  replica.address = world_.replica(2, 0).address;
  apply({route(1, {"one.test"}, {replica})});
  EXPECT_EQ(world_.answering("one.test"), Ids{replica_key(2).id()});
  EXPECT_FALSE(supervise());
}

TEST_F(EdgeHaproxy, RunsUnprivilegedOnALowPort) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  world_.drop_daemon();
  world_.options.uid = world_.options.gid = 65534;
  std::unique_ptr<Edge> edge;
  Result<> started = done();
  for (int port = 901 + ::getpid() % 90; port < 1024; ++port) {
    world_.options.port = port;
    edge = make_haproxy_edge(world_.options);
    started = edge->start();
    if (started || started.error().reason != "port_in_use") break;
  }
  ASSERT_TRUE(started.ok()) << started.error().detail;
  const auto replica = world_.replica(1, 0);
  auto one = route(1, {"one.test"}, {replica});
  one.measured = true;
  ASSERT_TRUE(edge->apply({one}).ok());
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(edge->measured().size(), 1u) << "it may speak to the daemon's sockets";
  for (int n = 2; n <= 10; ++n)  // reloads
    ASSERT_TRUE(edge->apply({route(n, {"n" + std::to_string(n) + ".test"}, {})}).ok());
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
  const auto status = read_whole("/proc/" + std::to_string(world_.worker_pid()) + "/status");
  ASSERT_TRUE(status.ok());
  EXPECT_NE(status->find("Uid:\t65534\t65534\t65534\t65534"), std::string::npos);
  EXPECT_NE(status->find("CapEff:\t0000000000000400"), std::string::npos);
  EXPECT_NE(status->find("NoNewPrivs:\t1"), std::string::npos);
}

TEST_F(EdgeHaproxy, ManyRoutesAreWrittenLateAndLostNever) {
  start();
  std::vector<Route> many;
  for (int n = 1; n <= 400; ++n)
    many.push_back(
        route(n, {"n" + std::to_string(n) + ".test"}, {{replica_key(n), {"127.0.0.1", 9}, false}}));
  apply(many);
  const auto replica = world_.replica(500, 0);
  apply({route(500, {"late.test"}, {replica})});
  EXPECT_EQ(world_.answering("late.test"), Ids{replica.key.id()});
  const auto text = read_whole(world_.file("haproxy.cfg"));
  EXPECT_EQ(text->find(replica.key.id()), std::string::npos)
      << "the table is too big to be written each time";
  world_.drop_daemon();
  world_.kill_master();
  world_.restart_daemon();
  EXPECT_EQ(world_.edge().table().size(), 401u);
  EXPECT_EQ(world_.answering("late.test"), Ids{replica.key.id()});
}

TEST_F(EdgeHaproxy, AnApplyCutShortIsFinishedAtTheNextStart) {
  const auto replica = serve_one();
  const auto second = world_.replica(2, 0);
  world_.drop_daemon();
  {
    StateFile file(
        world_.options.directory);  // what a daemon leaves that dies between the file and the proxy
    const auto loaded = file.load(8);
    ASSERT_TRUE(loaded.ok());
    ASSERT_TRUE(
        file.append({loaded->table.generation() + 1, 8, {{2, route(2, {"two.test"}, {second})}}})
            .ok());
  }
  EXPECT_EQ(world_.status("two.test"), 404);
  world_.restart_daemon();
  EXPECT_EQ(world_.answering("two.test"), Ids{second.key.id()});
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
}

TEST_F(EdgeHaproxy, ARefusedConfigurationNeverReplacesTheGoodOne) {
  const auto replica = serve_one();
  const auto before = *read_whole(world_.file("haproxy.cfg"));
  world_.drop_daemon();
  auto options = world_.options;
  options.haproxy = "/bin/false";
  options.max_connections += 1;  // another layout: a reload
  const auto started = make_haproxy_edge(options)->start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().reason, "config_refused");
  EXPECT_EQ(*read_whole(world_.file("haproxy.cfg")), before);
  EXPECT_EQ(world_.answering("one.test"), Ids{replica.key.id()});
}

TEST_F(EdgeHaproxy, RefusesOptionsThatCannotBeWritten) {
  auto options = world_.options;
  options.directory = "/tmp/a b";
  EXPECT_EQ(make_haproxy_edge(options)->start().error().reason, "edge_options");
  options = world_.options;
  options.port = 0;
  EXPECT_EQ(make_haproxy_edge(options)->start().error().reason, "edge_options");
  options = world_.options;
  options.bind_address = "nowhere";
  EXPECT_EQ(make_haproxy_edge(options)->start().error().reason, "address_unavailable");
}

TEST_F(EdgeHaproxy, StopsGracefully) {
  serve_one();
  const pid_t master = world_.master_pid();
  world_.drop_daemon();
  ASSERT_TRUE(stop_haproxy(world_.options, StopMode::graceful).ok());
  await_death(master);
  EXPECT_TRUE(stop_haproxy(world_.options, StopMode::now).ok()) << "nothing left to stop";
}

// By hand, for figures: --gtest_also_run_disabled_tests
TEST_F(EdgeHaproxy, DISABLED_TenThousandServices) {
  world_.drop_daemon();
  world_.options.slots = 64;
  world_.restart_daemon();
  std::vector<double> times;
  const auto all = std::chrono::steady_clock::now();
  for (int n = 1; n <= 10000; ++n) {
    const auto begin = std::chrono::steady_clock::now();
    apply({route(n, {"n" + std::to_string(n) + ".test"},
                 {{replica_key(n), {"127.0.0.1", 9}, false}})});
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - all;
  std::sort(times.end() - 1000, times.end());
  std::sort(times.begin(), times.begin() + 200);
  std::cout << "10000 applies in " << total.count() << " s; p50 of the first 200: " << times[100]
            << " ms, of the last 1000: " << times[9500] << " ms\n";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(supervise());
  std::cout << "supervise: "
            << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()
            << " s\n";
}

TEST_F(EdgeHaproxy, AppliesQuickly) {
  start();
  const auto a = world_.replica(1, 0), b = world_.replica(2, 0);
  std::vector<double> times;
  for (int i = 0; i < 60; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    apply({route(1, {"one.test"}, {i % 2 == 0 ? a : b})});
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::sort(times.begin(), times.end());
  std::cout << "apply (add one, remove one): p50 " << times[30] << " ms, p95 " << times[57]
            << " ms\n";
}

}  // namespace
}  // namespace gantry
