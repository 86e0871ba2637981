#include <gtest/gtest.h>

#include "tests/proto/config_file_fixture.hpp"

namespace gantry {
namespace {

ConfigResult yaml(const std::string& deploy, const Settings& instance = {}) {
  ConfigRequest request;
  request.file_name = "gantry.yaml";
  request.text = "deploy:\n" + deploy;
  request.instance.settings = instance;
  return read_config(request);
}

TEST(ProtoConfigFileRollout, EveryKeyIsRead) {
  const auto result = yaml(R"(
  strategy: blue-green
  maxSurge: "25%"
  maxUnavailable: 10%
  observeSeconds: 60
  canary: { steps: [5, "25%", 100], interval: 15m, minRequests: 50, automatic: false, judge: false, sticky: true }
  blueGreen: { keep: 2h }
  traffic: { loadBalancing: least-connections, maxConnections: 100, queueSeconds: 5, drainSeconds: 20,
             streamDrainSeconds: 900 }
  autoscaling: { min: 2, max: 8, cpu: 70%, memory: 80, requestsPerSecond: 50, concurrency: 10, upAfter: 30s,
                 downAfter: 10m }
  sleepApplication: true
  sleepAfter: 5m
)");
  ASSERT_TRUE(result.ok()) << lines_of(result, "f");
  EXPECT_TRUE(result.problems.empty()) << lines_of(result, "f");
  const DeploySettings& deploy = result.config.settings.deploy;
  const RolloutSettings rollout{.strategy = Strategy::blue_green,
                                .max_surge_percent = 25,
                                .max_unavailable_percent = 10,
                                .observe_seconds = 60,
                                .automatic = false,
                                .judge = false,
                                .steps = {5, 25, 100},
                                .interval_seconds = 900,
                                .min_requests = 50,
                                .keep_seconds = 7200};
  EXPECT_EQ(deploy.rollout, rollout);
  const TrafficSettings traffic{.balance = Balance::least_connections,
                                .sticky = true,
                                .max_connections = 100,
                                .queue_seconds = 5,
                                .drain_seconds = 20,
                                .stream_drain_seconds = 900};
  EXPECT_EQ(deploy.traffic, traffic);
  const ScalingSettings scaling{.min_replicas = 2,
                                .max_replicas = 8,
                                .cpu_percent = 70,
                                .memory_percent = 80,
                                .requests_per_second = 50,
                                .concurrency = 10,
                                .up_seconds = 30,
                                .down_seconds = 600};
  EXPECT_EQ(deploy.scaling, scaling);
  EXPECT_EQ(deploy.sleep, (SleepSettings{true, 300}));
  EXPECT_EQ(value_of(result, "deploy.maxSurge"), "\"25%\"");
  EXPECT_EQ(value_of(result, "deploy.canary.steps"), "[5,25,100]");
  EXPECT_EQ(value_of(result, "deploy.strategy"), "\"BLUE_GREEN\"");
}

TEST(ProtoConfigFileRollout, WhatIsWrongIsSaidWithItsFix) {
  const std::pair<const char*, const char*> cases[] = {
      {"  strategy: bluegreen",
       "deploy.strategy: expected ROLLING, BLUE_GREEN, CANARY or RECREATE, "
       "received \"bluegreen\": write \"BLUE_GREEN\""},
      {"  maxSurge: 1", "write \"1%\""},
      {"  maxSurge: \"125%\"", "expected 0% to 100%"},
      {"  maxUnavailable: half", "a share of the replicas such as \"25%\""},
      {"  canary: { steps: [50, 10, 100] }", "ascending percentages"},
      {"  canary: { steps: [10, 50] }", "the last one 100"},
      {"  canary: { steps: 10 }", "write [10, 50, 100]"},
      {"  canary: { steps: [0, 100] }", "deploy.canary.steps[0]"},
      {"  canary: { interval: 15 minutes }", "\"15m\""},
      {"  canary: { interval: 2d }", "expected 1 to 86400 seconds"},
      {"  canary: { interval: 99999999999999999999s }", "a duration such as"},
      {"  sleepAfter: 1s", "expected 10 to 86400 seconds"},
      {"  traffic: { loadBalancing: fastest }", "ROUND_ROBIN, LEAST_CONNECTIONS or RANDOM"},
      {"  autoscaling: { max: 3, cpu: 0 }", "1 to 100 percent"},
  };
  for (const auto& [deploy, message] : cases) {
    const auto result = yaml(deploy);
    EXPECT_FALSE(result.ok()) << deploy;
    EXPECT_NE(lines_of(result, "f").find(message), std::string::npos) << deploy << "\n"
                                                                      << lines_of(result, "f");
  }
}

TEST(ProtoConfigFileRollout, WhatDoesNotGoTogetherIsSaidAtTheKeyThatIsThere) {
  auto result = yaml("  maxSurge: 0%");
  EXPECT_EQ(lines_of(result, "f"),
            "f:2:13: error: deploy.maxSurge: deploy.maxSurge and deploy.maxUnavailable are both 0: "
            "no replica could ever be replaced; give one of them room");
  Settings scaled;
  scaled.deploy.scaling = {.max_replicas = 4, .cpu_percent = 50};
  result = yaml("  strategy: RECREATE", scaled);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.problems.front().key, "deploy.strategy");
  result = yaml("  autoscaling: { max: 4 }");
  EXPECT_FALSE(result.ok());
  EXPECT_NE(result.problems.front().message.find("deploy.autoscaling.cpu"), std::string::npos);
  EXPECT_TRUE(yaml("  numReplicas: 2", scaled).ok());
}

}  // namespace
}  // namespace gantry
