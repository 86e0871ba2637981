// What the proxy tells of requests: lines, counters, and how it costs.
#include "runtime/edge/access_line.hpp"
#include "runtime/edge/stats.hpp"
#include "tests/edge/haproxy_fixture.hpp"

namespace gantry {
namespace {

Measure measured(const std::string& rest) {
  const auto line = parse_access_line(replica_key(1).id() + " " + rest);
  if (!line) return {};
  EXPECT_EQ(line->key, replica_key(1));
  EXPECT_EQ(line->measure.requests, 1u);
  return line->measure;
}

TEST(EdgeAccessLine, TellsARequestFromAnErrorAndFromAStream) {
  struct Case {
    const char* rest;
    std::uint64_t errors, latencies;
  };
  for (const Case& one : std::vector<Case>{{"200 -- 0 12 3 -", 0, 1},
                                           {"404 -- 0 12 3 -", 0, 1},
                                           {"500 -- 0 12 3 -", 1, 1},
                                           {"503 -- 0 12 3 -", 1, 1},
                                           {"502 SH 0 -1 -1 -", 1, 0},
                                           {"504 sH 0 -1 -1 -", 1, 0},
                                           {"502 PH 0 -1 -1 -", 1, 0},
                                           {"200 SD 0 5 9 -", 1, 0},
                                           {"200 sD 0 5 9 -", 1, 0},
                                           {"200 CD 0 5 9 -", 0, 0},
                                           {"500 CD 0 5 9 -", 1, 0},
                                           {"400 CH 0 -1 -1 -", 0, 0},
                                           {"200 -- 0 5 90000 1", 0, 0},
                                           {"200 SD 0 5 90000 1", 1, 0},
                                           {"200 sD 0 5 90000 1", 0, 0},
                                           {"101 -- 0 5 90000 -", 0, 0},
                                           {"101 SD 0 5 90000 -", 0, 0}}) {
    const auto measure = measured(one.rest);
    EXPECT_EQ(measure.requests, 1u) << one.rest;
    EXPECT_EQ(measure.errors, one.errors) << one.rest;
    EXPECT_EQ(measure.latency.count(), one.latencies) << one.rest;
  }
  EXPECT_EQ(measured("200 -- 100 900 1000 -").latency.above(1700), 1u);
}

TEST(EdgeAccessLine, WhatReachedNoReplicaIsNobodysFault) {
  for (const std::string line :
       {"<NOSRV> 503 SC -1 -1 -1 -", "", "nonsense", "Server s0001/x is DOWN"})
    EXPECT_FALSE(parse_access_line(line).has_value()) << line;
  const std::string id = replica_key(1).id();
  for (const std::string rest : {" 503 SC -1 -1 -1 -", " 503 sQ -1 -1 -1 -", " 200", ""})
    EXPECT_FALSE(parse_access_line(id + rest).has_value()) << rest;
}

TEST(EdgeStats, TellsARequestThatWaitsFromAStream) {
  const auto line = [](const char* server, const char* response, int state) {
    return std::string("0x7f: proto=tcpv4 src=127.0.0.1:1 fe=http be=s0001 srv=") + server +
           " ts=00 epoch=0 age=2s calls=1 rate=0 cpu=0 lat=0 rq[f=49c40080h,i=0,an=8000h,rx=,wx=,"
           "ax=] rp[f=88400000h,i=0,an=" +
           response + "h,rx=58s,wx=,ax=] scf=[8,80h,fd=18] scb=[" + std::to_string(state) +
           ",11h,fd=19] exp=58s rc=0 c_exp=\n";
  };
  const auto streams = [](const std::string& text) { return streams_of(text, "s0001", "a"); };
  EXPECT_EQ(streams(line("a", "1400000", 8)), 0) << "waits for the head";
  EXPECT_EQ(streams(line("a", "00", 5)), 0) << "is being connected";
  EXPECT_EQ(streams(line("a", "4000000", 8)), 1) << "the body comes";
  EXPECT_EQ(streams(line("a", "00", 8)), 1) << "a tunnel";
  EXPECT_EQ(streams(line("b", "00", 8)), 0) << "somebody else's";
  EXPECT_EQ(streams(line("a", "00", 8) + line("b", "00", 8) + line("a", "4000000", 8)), 2);
  EXPECT_EQ(streams(""), 0);
}

class EdgeMeasure : public EdgeHaproxy {
 protected:
  RouteBackend serve_measured() {
    start();
    const auto replica = world_.replica(1);
    auto one = route(1, {"one.test"}, {replica});
    one.measured = true;
    apply({one, route(2, {"two.test"}, {world_.replica(2)})});
    return replica;
  }
  // What came until there are so many requests, or 5 s are over.
  std::map<ReplicaKey, Measure> await_measures(std::uint64_t requests) {
    std::map<ReplicaKey, Measure> all;
    std::uint64_t seen = 0;
    for (int i = 0; i < 500 && seen < requests; ++i) {
      for (const auto& one : world_.edge().measured()) {
        if (!one.whole) continue;
        all[one.key].add(one.measure);
        seen += one.measure.requests;
      }
      std::this_thread::sleep_for(milliseconds(10));
    }
    return all;
  }
};

TEST_F(EdgeMeasure, CountsRequestsErrorsAndTimesOfMeasuredRoutes) {
  const auto replica = serve_measured();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world_.get("one.test").status, 200);
  EXPECT_EQ(world_.get("one.test", "/fail").status, 500);
  EXPECT_EQ(world_.get("one.test", "/cut").status, 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world_.get("two.test").status, 200);
  EXPECT_EQ(world_.get("nobody.test").status, 404);
  const auto all = await_measures(7);
  ASSERT_EQ(all.size(), 1u);
  const auto& measure = all.at(replica.key);
  EXPECT_EQ(measure.requests, 7u);
  EXPECT_EQ(measure.errors, 2u);
  EXPECT_EQ(measure.latency.count(), 6u);
}

TEST_F(EdgeMeasure, OtherRoutesAreMeasuredToo) {
  start();
  const auto replica = world_.replica(1);
  apply({route(1, {"one.test"}, {replica})});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world_.get("one.test").status, 200);
  EXPECT_EQ(world_.get("one.test", "/fail").status, 500);
  Measure all;
  for (int i = 0; i < 500 && all.requests < 6; ++i) {
    for (const auto& one : world_.edge().measured()) {
      EXPECT_FALSE(one.whole);
      EXPECT_EQ(one.key, replica.key);
      all.add(one.measure);
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(all.requests, 6u);
  EXPECT_EQ(all.latency.count(), 6u);
  const auto loads = world_.edge().load();
  ASSERT_TRUE(loads.ok());
  EXPECT_EQ(loads->front().responses, (std::array<std::uint64_t, 5>{0, 5, 0, 0, 1}));
}

TEST_F(EdgeMeasure, AShareOfThemWhereThereAreMany) {
  start();
  apply({route(1, {"one.test"}, {world_.replica(1)})});
  std::uint64_t asked = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  std::vector<std::jthread> visitors;
  std::atomic<std::uint64_t> counted{0};
  for (int i = 0; i < 4; ++i)
    visitors.emplace_back([&] {
      while (std::chrono::steady_clock::now() < until)
        if (world_.get("one.test").status == 200) ++counted;
    });
  visitors.clear();
  asked = counted;
  std::this_thread::sleep_for(milliseconds(200));
  std::uint64_t measured = 0;
  for (const auto& one : world_.edge().measured()) measured += one.measure.requests;
  if (asked < 2000) GTEST_SKIP() << "this machine asked only " << asked << " times";
  EXPECT_GT(measured, 100u);
  EXPECT_LT(measured, asked / 2);
}

TEST_F(EdgeMeasure, AnUpgradedConnectionIsARequestWithoutATime) {
  const auto replica = serve_measured();
  world_.open_stream("one.test", replica.key);
  world_.close_sessions();
  const auto all = await_measures(1);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all.at(replica.key).errors, 0u);
  EXPECT_EQ(all.at(replica.key).latency.count(), 0u);
}

TEST_F(EdgeMeasure, GoesOnAfterAReloadAndWhileTheDaemonIsAway) {
  const auto replica = serve_measured();
  world_.drop_daemon();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(world_.get("one.test").status, 200) << "nobody listens";
  world_.restart_daemon();
  (void)await_measures(50);  // may be lost
  for (int n = 3; n <= 12; ++n)
    apply({route(n, {"n" + std::to_string(n) + ".test"}, {})});  // a reload
  (void)world_.edge().measured();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world_.get("one.test").status, 200);
  EXPECT_GE(await_measures(5)[replica.key].requests, 5u);
}

TEST_F(EdgeMeasure, AThousandRoutesAreCountedCheaply) {
  start();
  std::vector<Route> many;
  for (int n = 1; n <= 1000; ++n)
    many.push_back(
        route(n, {"n" + std::to_string(n) + ".test"}, {{replica_key(n), {"127.0.0.1", 9}}}));
  apply(many);
  const auto replica = world_.replica(2000);
  apply({route(1000, {"n1000.test"}, {replica})});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world_.get("n1000.test").status, 200);
  const auto begin = std::chrono::steady_clock::now();
  const auto loads = world_.edge().load();
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(loads.ok());
  ASSERT_EQ(loads->size(), 1000u);
  EXPECT_EQ(loads->back().requests, 3u);
  EXPECT_EQ(loads->front().requests, 0u);
  std::cout << "load() of 1000 routes: " << took.count() << " ms\n";
  EXPECT_LT(took.count(), 2000);
}

// By hand, for figures: --gtest_also_run_disabled_tests. A plain route against one on which
// everything is turned on, in turns, so that both meet the same noise.
TEST_F(EdgeMeasure, DISABLED_WhatEachRequestCosts) {
  start();
  const auto a = world_.replica(1), b = world_.replica(2);
  auto rich = route(2, {"rich.test"}, {b});
  rich.measured = rich.policy.sticky = rich.asleep = true;
  apply({route(1, {"plain.test"}, {a}), rich});
  std::map<std::string, double> seconds;
  for (int round = 0; round < 40; ++round)
    for (const std::string host : {"plain.test", "rich.test"}) {
      const auto begin = std::chrono::steady_clock::now();
      for (int i = 0; i < 100; ++i) ASSERT_EQ(world_.get(host).status, 200);
      seconds[host] +=
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    }
  std::cout << "4000 requests: plain " << seconds["plain.test"] << " s, rich "
            << seconds["rich.test"] << " s, ratio " << seconds["rich.test"] / seconds["plain.test"]
            << "\n";
}

}  // namespace
}  // namespace gantry
