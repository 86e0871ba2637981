// Rollouts on a real installation, under everything that visitors do at once: nobody notices a good
// version, and a bad one goes by itself. tests/bench/rollouts is the long form.
#include <iostream>
#include <thread>

#include <gtest/gtest.h>

#include "tests/e2e/rollout_stage.hpp"

namespace gantry::testing {
namespace {

using Words = std::map<std::string, std::string>;

class E2eRollouts : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { stage = new RolloutStage; }
  static void TearDownTestSuite() { delete std::exchange(stage, nullptr); }
  void TearDown() override {
    if (!HasFailure()) return;
    const std::string log = stage->gantry.log();
    std::cerr << "---- the daemon's log, its end\n"
              << log.substr(log.size() > 6000 ? log.size() - 6000 : 0) << "----\n";
  }

  static void expect_success(const std::string& deployment) {
    EXPECT_EQ(stage->gantry.settled(deployment), "SUCCESS");
  }
  // Everything that was begun until now ended well.
  static void expect_nothing_lost(Load& load, const std::string& name) {
    const LoadReport report = load.take(name);
    EXPECT_EQ(report.failed(), 0) << name << ": " << report.reasons();
    EXPECT_GT(report.latencies_ms.size(), 0u);
  }
  // It ended by itself with such a reason, and the version before it serves.
  static void expect_taken_back(const std::string& deployment, const std::string& reason,
                                const std::string& stable) {
    const std::string ended = stage->gantry.settled(deployment, 60);
    std::printf("taken back: %s\n", ended.c_str());
    EXPECT_TRUE(ended.starts_with("FAILED")) << ended;
    EXPECT_NE(ended.find(reason), std::string::npos) << ended;
    EXPECT_TRUE(within(5, [&] {
      return ask_many(stage->gantry.edge_port, stage->gantry.host(stage->path), 50)
                 .percent(stable) == 100;
    }));
  }

  static inline RolloutStage* stage = nullptr;
};

TEST_F(E2eRollouts, RollingLosesNothing) {
  Load load(stage->load());
  pause(1);
  expect_nothing_lost(load, "steady");
  for (int i = 0; i < 5; ++i) {
    const int surge = i < 3 ? 100 : 50;
    expect_success(stage->next({{"max_surge_percent", surge}}));
    expect_nothing_lost(load, "rolling, surge " + std::to_string(surge) + " %");
  }
  pause(1);
  const LoadReport after = load.take("after them");
  EXPECT_EQ(after.failed(), 0);
  EXPECT_EQ(after.versions,
            (std::map<std::string, int>{{stage->version(), after.versions.at(stage->version())}}));
  EXPECT_TRUE(stage->is_tidy());
  const LoadReport last = load.take("until the last WebSocket of an old version ended");
  EXPECT_EQ(last.failed(), 0) << last.reasons();
  EXPECT_GT(last.sockets_ended, 0);
}

TEST_F(E2eRollouts, BlueGreenSwitchesAtOnceAndBack) {
  Load load(stage->load());
  pause(0.5);
  std::string blue, green, before;
  for (int i = 0; i < 2; ++i) {
    before = stage->version();
    blue = green;
    green = stage->next({{"strategy", "BLUE_GREEN"}, {"keep_seconds", 60}});
    ASSERT_TRUE(stage->reaches(green, [](const Json& seen) {
      return seen.contains("rollout") && seen["rollout"].value("waiting", false);
    }));
    const Shares waiting = ask_many(stage->gantry.edge_port, stage->gantry.host(stage->path), 200);
    EXPECT_EQ(waiting.percent(before), 100) << "before its promotion it gets nothing";
    std::printf("promoted: all the traffic after %.0f ms\n",
                stage->promote(green, stage->version()));
    expect_success(green);
    expect_nothing_lost(load, "blue-green");
  }
  const auto back =
      stage->gantry.api("POST", "/v1/deployments/" + blue + "/rollback", Json::object());
  ASSERT_EQ(back.status, 202) << back.http.body;
  EXPECT_EQ(back.json["id"], blue) << "what still runs is taken again";
  EXPECT_TRUE(within(10, [&] {
    return ask_many(stage->gantry.edge_port, stage->gantry.host(stage->path), 50).percent(before) ==
           100;
  }));
  EXPECT_TRUE(stage->is_tidy());
  expect_nothing_lost(load, "rolled back to the kept one");
}

TEST_F(E2eRollouts, CanaryGetsItsShareStepByStep) {
  Load load(stage->load());
  pause(0.5);
  for (int i = 0; i < 2; ++i) {
    const std::string canary = stage->next({{"strategy", "CANARY"},
                                            {"steps", {10, 50, 100}},
                                            {"interval_seconds", 3},
                                            {"min_requests", 20}});
    ASSERT_TRUE(stage->is_at_step(canary, 10));
    if (i == 0) {
      stage->order(canary, "pause");
      const Shares shares =
          ask_many(stage->gantry.edge_port, stage->gantry.host(stage->path), 10000);
      std::printf("a step of 10 %%: %.2f %% of %d requests\n", shares.percent(stage->version()),
                  shares.all());
      EXPECT_EQ(shares.failed, 0);
      EXPECT_NEAR(shares.percent(stage->version()), 10, 1);
      stage->order(canary, "resume");
    }
    EXPECT_TRUE(stage->is_at_step(canary, 50));
    expect_success(canary);
    expect_nothing_lost(load, "canary");
  }
}

TEST_F(E2eRollouts, BadVersionsAreTakenBack) {
  const Json canary = {{"strategy", "CANARY"}, {"interval_seconds", 20}, {"min_requests", 50}};
  expect_success(stage->next({}, {{"SLOW_MS", "20"}}));
  const std::string stable = stage->version();
  LoadOptions options = stage->requests(250);
  options.sockets = 50;
  options.socket_seconds = 120;  // all of them are of the stable version
  Load load(options);
  EXPECT_TRUE(within(10, [&] { return load.open_sockets() == 50; }));
  pause(1);
  expect_nothing_lost(load, "the stable version");
  const auto expect_unharmed = [&](const std::string& name) {
    const LoadReport report = load.take(name);
    EXPECT_EQ(report.failed_of(stable), 0) << report.reasons();
    EXPECT_EQ(load.open_sockets(), 50);
  };
  expect_taken_back(stage->next(canary, {{"FAIL_EVERY", "20"}}), "requests failed", stable);
  expect_unharmed("5 % errors");
  stage->unset({"FAIL_EVERY"});
  expect_taken_back(stage->next(canary, {{"SLOW_MS", "60"}}), "stable version's", stable);
  expect_unharmed("three times as slow");
  const Words crashing = {{"SLOW_MS", "20"}, {"CRASH_AFTER_MS", "4000"}};
  expect_taken_back(stage->next(canary, crashing), "exited with code 3", stable);
  expect_unharmed("a canary that crashes after a while");
  // After the switch all visitors are its own. Both replicas die in the same moment: until the edge
  // has been told to go back, there is nobody to ask.
  expect_taken_back(stage->next({{"observe_seconds", 15}}, crashing), "exited with code 3", stable);
  const LoadReport gap = load.take("all of it crashes while it is watched");
  EXPECT_LT(gap.span_seconds(), 1) << gap.reasons();
  EXPECT_EQ(load.open_sockets(), 50);
  stage->unset({"CRASH_AFTER_MS"});
  ASSERT_EQ(
      stage->gantry.api("PATCH", stage->path, {{"deploy", {{"healthcheck_timeout_seconds", 5}}}})
          .status,
      200);
  expect_taken_back(stage->next({}, {{"UNHEALTHY", "1"}}), "never became healthy", stable);
  expect_unharmed("never healthy");
  stage->unset({"UNHEALTHY", "SLOW_MS"});
  ASSERT_EQ(
      stage->gantry.api("PATCH", stage->path, {{"deploy", {{"healthcheck_timeout_seconds", 60}}}})
          .status,
      200);
}

TEST_F(E2eRollouts, GoesOnWhereverTheDaemonIsKilled) {
  LoadOptions options = stage->load();
  options.socket_seconds = 6;
  Load load(options);
  pause(0.5);
  for (const KillPoint point : {KillPoint::starting, KillPoint::waiting, KillPoint::canary_step,
                                KillPoint::observing, KillPoint::draining}) {
    stage->kill_at(point);
    expect_nothing_lost(load, std::string("killed while ") + name(point));
  }
  EXPECT_TRUE(stage->is_tidy());
}

TEST_F(E2eRollouts, DomainsMoveAndRequestsAreShared) {
  Gantry& gantry = stage->gantry;
  const std::string other = stage->service("other", "green", {{"replicas", 1}});
  const std::string host = "www.moves.example";
  ASSERT_EQ(gantry.api("POST", stage->path + "/domains", {{"host", host}}).status, 201);
  LoadOptions options = stage->requests(400);
  options.host = host;
  EXPECT_TRUE(within(5, [&] { return http_call(gantry.edge_port, {.host = host}).status == 200; }));
  Load load(options);
  pause(0.5);
  for (int move = 0; move < 10; ++move) {
    const bool there = move % 2 == 0;
    const auto moved =
        gantry.api("POST", (there ? stage->path : other) + "/domains/" + host + "/move",
                   {{"to", there ? "other" : "web"}});
    ASSERT_EQ(moved.status, 200) << moved.http.body;
    EXPECT_TRUE(within(5, [&] {
      return ask_many(gantry.edge_port, host, 20).percent(there ? "green" : stage->version()) ==
             100;
    }));
  }
  const LoadReport moves = load.take("a domain moved there and back five times");
  EXPECT_EQ(moves.failed(), 0) << moves.reasons();
  EXPECT_EQ(moves.versions.size(), 2u);

  ASSERT_EQ(gantry
                .api("PUT", stage->path + "/traffic",
                     {{"split", {{"service", "other"}, {"percent", 10}}}})
                .status,
            200);
  EXPECT_TRUE(within(5, [&] { return ask_many(gantry.edge_port, host, 50).versions.size() == 2; }));
  const Shares shares = ask_many(gantry.edge_port, host, 5000);
  std::printf("a split of 10 %%: %.2f %% of %d requests\n", shares.percent("green"), shares.all());
  EXPECT_EQ(shares.failed, 0);
  EXPECT_NEAR(shares.percent("green"), 10, 2);
  EXPECT_EQ(gantry.api("DELETE", stage->path + "/traffic").status, 204);
  EXPECT_TRUE(within(5, [&] { return ask_many(gantry.edge_port, host, 50).versions.size() == 1; }));
  expect_nothing_lost(load, "a split, set and cleared");
}

TEST_F(E2eRollouts, SleepsAndWakesForEverybody) {
  Gantry& gantry = stage->gantry;
  const std::string path = stage->service(
      "sleeper", "v1", {{"replicas", 1}, {"sleep", {{"enabled", true}, {"idle_seconds", 10}}}});
  ASSERT_TRUE(within(40, [&] {
    return gantry.get(path)["status"]["phase"] == "SLEEPING" && gantry.containers(path).empty();
  })) << gantry.state_of(path);
  const std::string host = gantry.host(path);
  std::atomic<int> good{0};
  std::mutex mutex;
  std::map<std::string, int> bad;
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> visitors;
    for (int i = 0; i < 100; ++i)
      visitors.emplace_back([&] {
        const HttpReply reply = http_call(gantry.edge_port, {.host = host, .timeout_ms = 25000});
        if (reply.status == 200) {
          ++good;
        } else {
          const std::scoped_lock lock(mutex);
          ++bad[std::to_string(reply.status) + " " + reply.head.substr(0, 30)];
        }
      });
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("woken: %d of 100 held requests answered within %.2f s\n", good.load(), took.count());
  EXPECT_EQ(good, 100);
  for (const auto& [what, count] : bad) ADD_FAILURE() << count << " x " << what;
  EXPECT_TRUE(gantry.converged(path, 1)) << gantry.state_of(path);
}

TEST_F(E2eRollouts, ReplicasFollowTheLoad) {
  Gantry& gantry = stage->gantry;
  const std::string path = stage->service("scaled", "v1",
                                          {{"replicas", 1},
                                           {"scaling",
                                            {{"min_replicas", 1},
                                             {"max_replicas", 3},
                                             {"concurrency", 4},
                                             {"up_seconds", 2},
                                             {"down_seconds", 5}}}});
  LoadOptions light = stage->requests(20);
  light.host = gantry.host(path);
  Load background(light);
  {
    LoadOptions heavy = light;
    heavy.path = "/sleep/400";
    heavy.per_second = 25;  // ten at once
    Load load(heavy);
    EXPECT_TRUE(gantry.converged(path, 3, 30)) << gantry.state_of(path);
    expect_nothing_lost(load, "scaled up");
  }
  EXPECT_TRUE(gantry.converged(path, 1, 40)) << gantry.state_of(path);
  expect_nothing_lost(background, "scaled up and down");
}

}  // namespace
}  // namespace gantry::testing
