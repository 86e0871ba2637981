#include <gtest/gtest.h>

#include "proto/codec.hpp"
#include "proto/host.hpp"

namespace gantry {
namespace {

Settings merged(const std::string& json) {
  const auto settings = merge_settings({}, json);
  EXPECT_TRUE(settings.ok()) << json << ": " << settings.error().detail;
  return settings ? *settings : Settings();
}

// The pointer and the code of the only complaint.
std::string refused(const std::string& deploy, const Settings& base = {}) {
  const auto settings = merge_settings(base, R"({"deploy":)" + deploy + "}");
  if (settings) return "";
  std::string all;
  for (const FieldError& error : settings.error().fields)
    all += (all.empty() ? "" : " ") + error.pointer + ":" + error.code;
  return all;
}

TEST(ProtoRolloutSettings, EveryKeyTravels) {
  const Settings settings = merged(R"({"deploy":{
    "rollout":{"strategy":"blue-green","max_surge_percent":25,"max_unavailable_percent":10,
      "observe_seconds":60,"automatic":false,"judge":false,"steps":[1,2,100],"interval_seconds":30,
      "min_requests":7,"keep_seconds":0},
    "traffic":{"balance":"least-connections","sticky":true,"max_connections":50,"queue_seconds":5,
      "drain_seconds":0,"stream_drain_seconds":7200},
    "scaling":{"min_replicas":2,"max_replicas":9,"cpu_percent":70,"memory_percent":80,
      "requests_per_second":100,"concurrency":20,"up_seconds":30,"down_seconds":600},
    "sleep":{"enabled":true,"idle_seconds":300}}})");
  const DeploySettings& deploy = settings.deploy;
  EXPECT_EQ(deploy.rollout.strategy, Strategy::blue_green);
  EXPECT_EQ(deploy.rollout.steps, (std::vector<int>{1, 2, 100}));
  EXPECT_EQ(deploy.rollout.keep_seconds, 0);
  EXPECT_EQ(deploy.traffic.balance, Balance::least_connections);
  EXPECT_EQ(deploy.scaling.down_seconds, 600);
  EXPECT_EQ(deploy.sleep, (SleepSettings{true, 300}));
  EXPECT_EQ(merged(settings_json(settings)), settings);
  EXPECT_EQ(*parse_settings(settings_json(settings)), settings);
  const Settings back = *merge_settings(
      settings, R"({"deploy":{"rollout":null,"traffic":{"sticky":null},"scaling":null}})");
  EXPECT_EQ(back.deploy.rollout, RolloutSettings());
  EXPECT_FALSE(back.deploy.traffic.sticky);
  EXPECT_EQ(back.deploy.traffic.max_connections, 50);
  EXPECT_EQ(back.deploy.scaling, ScalingSettings());
}

TEST(ProtoRolloutSettings, SettingsOfBeforeHaveTheDefaults) {
  EXPECT_EQ(*parse_settings(R"({"deploy":{"replicas":1}})"), Settings());
}

TEST(ProtoRolloutSettings, RangesAreKept) {
  EXPECT_EQ(refused(R"({"rollout":{"strategy":"fast"}})"),
            "/deploy/rollout/strategy:invalid_value");
  EXPECT_EQ(refused(R"({"rollout":{"max_surge_percent":101}})"),
            "/deploy/rollout/max_surge_percent:out_of_range");
  EXPECT_EQ(refused(R"({"rollout":{"automatic":1}})"), "/deploy/rollout/automatic:wrong_type");
  EXPECT_EQ(refused(R"({"rollout":{"keep_seconds":-1}})"),
            "/deploy/rollout/keep_seconds:out_of_range");
  for (const char* steps : {"[]", "[10,50]", "[50,10,100]", "[10,10,100]"})
    EXPECT_EQ(refused(std::string(R"({"rollout":{"steps":)") + steps + "}}"),
              "/deploy/rollout/steps:invalid_steps")
        << steps;
  EXPECT_EQ(refused(R"({"rollout":{"steps":[0,100]}})"), "/deploy/rollout/steps/0:out_of_range");
  EXPECT_EQ(refused(R"({"rollout":{"steps":[100]}})"), "");
  EXPECT_EQ(refused(R"({"traffic":{"queue_seconds":0}})"),
            "/deploy/traffic/queue_seconds:out_of_range");
  EXPECT_EQ(refused(R"({"sleep":{"idle_seconds":9}})"), "/deploy/sleep/idle_seconds:out_of_range");
  EXPECT_EQ(refused(R"({"scaling":{"cpu_percent":101}})"),
            "/deploy/scaling/cpu_percent:out_of_range");
  EXPECT_EQ(refused(R"({"traffic":{"stickey":true}})"), "/deploy/traffic/stickey:unknown_key");
}

TEST(ProtoRolloutSettings, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_EQ(refused(R"({"rollout":{"max_surge_percent":0}})"),
            "/deploy/rollout/max_surge_percent:no_room");
  EXPECT_EQ(refused(R"({"rollout":{"max_surge_percent":0,"max_unavailable_percent":25}})"), "");
  EXPECT_EQ(refused(R"({"port":0,"rollout":{"strategy":"CANARY"}})"),
            "/deploy/rollout/strategy:worker");
  EXPECT_EQ(refused(R"({"scaling":{"max_replicas":3}})"), "/deploy/scaling/max_replicas:no_target");
  EXPECT_EQ(refused(R"({"scaling":{"max_replicas":3,"min_replicas":4,"cpu_percent":50}})"),
            "/deploy/scaling/min_replicas:out_of_range");
  EXPECT_EQ(refused(R"({"cpu_millicores":0,"scaling":{"max_replicas":3,"cpu_percent":50}})"),
            "/deploy/scaling/cpu_percent:no_limit");
  EXPECT_EQ(refused(R"({"memory_bytes":0,"scaling":{"max_replicas":3,"memory_percent":50}})"),
            "/deploy/scaling/memory_percent:no_limit");
  EXPECT_EQ(refused(R"({"port":0,"scaling":{"max_replicas":3,"concurrency":5}})"),
            "/deploy/scaling/requests_per_second:worker");
  EXPECT_EQ(refused(R"({"port":0,"sleep":{"enabled":true}})"), "/deploy/sleep/enabled:worker");
  const Settings scaled = merged(R"({"deploy":{"scaling":{"max_replicas":3,"cpu_percent":50}}})");
  EXPECT_EQ(refused(R"({"rollout":{"strategy":"RECREATE"}})", scaled),
            "/deploy/rollout/strategy:recreate");
  EXPECT_EQ(refused(R"({"rollout":{"strategy":"RECREATE"}})"), "");
}

TEST(ProtoRolloutProgress, ThePercentageFollowsTheAcknowledgedStep) {
  Deployment deployment;
  deployment.status = DeploymentStatus::deploying;
  deployment.settings.deploy.rollout.strategy = Strategy::canary;
  EXPECT_EQ(percent_of(deployment), 0);
  deployment.rollout.since = TimePoint{};
  EXPECT_EQ(percent_of(deployment), 10);
  deployment.rollout = {.step = 1, .since = {}};
  EXPECT_EQ(percent_of(deployment), 10) << "the edge has not acknowledged the next one yet";
  deployment.rollout.since = TimePoint{};
  EXPECT_EQ(percent_of(deployment), 50);
  deployment.rollout.step = 99;
  EXPECT_EQ(percent_of(deployment), 100);
  deployment.status = DeploymentStatus::failed;
  EXPECT_EQ(percent_of(deployment), 0);
  deployment.status = DeploymentStatus::sleeping;
  EXPECT_EQ(percent_of(deployment), 100);
}

TEST(ProtoHost, IsReadInLowerCaseWithoutTheLastDot) {
  EXPECT_EQ(*parse_host("API.Example.COM."), "api.example.com");
  EXPECT_EQ(*parse_host("xn--bcher-kva.example"), "xn--bcher-kva.example");
  for (const char* bad : {"", ".", "..", "a", "a.", "a.-b", "a.b-", "a b.c", "1.2.3.4", "*.a.b",
                          "a.b:80", "http://a.b", "a.b/c", "a_b.c"})
    EXPECT_FALSE(parse_host(bad).ok()) << bad;
  EXPECT_FALSE(parse_host(std::string(250, 'a') + ".com").ok());
}

}  // namespace
}  // namespace gantry
