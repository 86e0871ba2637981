// What a build and a pre-deploy command wrote, as a list and as a stream that ends.
#include <atomic>

#include <gtest/gtest.h>

#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

class ApiBuildLogs : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    const auto deployed = post(kInstance + "/deployments", {{"source", kArchiveDigest}});
    ASSERT_EQ(deployed.status, 202) << deployed.body;
    deployment_id_ = json(deployed)["id"];
  }
  void write(const std::string& text, int ordinal = 0, const std::string& deployment = {}) {
    const auto id = *DeploymentId::parse(deployment.empty() ? deployment_id_ : deployment);
    build_logs().append(instance_id_, {.deployment_id = id, .ordinal = ordinal},
                        TimePoint(Duration(1)), ordinal == 1, text);
  }
  void progress(const BuildProgress& progress) {
    const auto recorded =
        store().record_progress({.deployment_id = *DeploymentId::parse(deployment_id_),
                                 .instance_id = instance_id_,
                                 .progress = progress,
                                 .settings = {},
                                 .config = {}});
    ASSERT_TRUE(recorded.ok()) << recorded.error().detail;
  }
  std::string path() const { return "/v1/deployments/" + deployment_id_ + "/build-logs"; }
};

TEST_F(ApiBuildLogs, BothPhasesAreListed) {
  write("step 1");
  write("migrated", 1);
  write("of another", 0, "dep_01jd8yq5x8c5v0m6r7k2n4t9wz");
  const Json lines = json(get(path()))["data"];
  ASSERT_EQ(lines.size(), 2U) << lines;
  EXPECT_EQ(lines[0], Json({{"at", "1970-01-01T00:00:00.000001Z"},
                            {"phase", "build"},
                            {"stream", "stdout"},
                            {"text", "step 1"}}));
  EXPECT_EQ(lines[1]["phase"], "pre_deploy");
  EXPECT_EQ(lines[1]["stream"], "stderr");
  EXPECT_EQ(json(get(path() + "?limit=1"))["data"][0]["text"], "migrated");
  EXPECT_EQ(json(get(path() + "?since=2026-01-01T00:00:00Z"))["data"].size(), 0U);
}

TEST_F(ApiBuildLogs, OfADeploymentThatIsThere) {
  EXPECT_EQ(get("/v1/deployments/dep_01jd8yq5x8c5v0m6r7k2n4t9wz/build-logs").status, 404);
  EXPECT_EQ(get("/v1/deployments/latest/build-logs").status, 404);
  EXPECT_EQ(get(path() + "?limit=0").status, 400);
  EXPECT_EQ(get(path() + "?follow=perhaps").status, 400);
}

TEST_F(ApiBuildLogs, AFollowerStaysUntilThePreDeployCommandIsOver) {
  write("before");
  const auto response = get(path() + "?follow=1");
  EXPECT_EQ(response.content_type, "text/event-stream");
  ASSERT_NE(response.stream, nullptr);
  std::atomic<int> wakes{0};
  response.stream->on_ready([&] { ++wakes; });
  const auto read = [&](bool more) {
    std::string out;
    EXPECT_EQ(response.stream->read(out), more) << out;
    return out;
  };
  EXPECT_NE(read(true).find("before"), std::string::npos);
  int seen = wakes;
  for (const DeploymentStatus status :
       {DeploymentStatus::initializing, DeploymentStatus::building}) {
    deploy_status(status);
    EXPECT_GT(wakes, seen) << name(status);
    seen = wakes;
    EXPECT_EQ(read(true), "") << name(status);
  }
  progress({.prepared = true, .image = "built:1", .pre_deployed = false});
  deploy_status(DeploymentStatus::deploying);
  EXPECT_EQ(read(true), "");
  write("migrating", 1);
  seen = wakes;
  progress({.prepared = true, .image = "built:1", .pre_deployed = true});
  EXPECT_GT(wakes, seen);
  const std::string last = read(false);
  EXPECT_NE(last.find("migrating"), std::string::npos) << last;
  EXPECT_NE(last.find("event: end\ndata: {\"status\":\"DEPLOYING\"}\n\n"), std::string::npos)
      << last;
  EXPECT_LT(last.find("migrating"), last.find("event: end"));
}

TEST_F(ApiBuildLogs, AFailureIsAnEndToo) {
  const auto response = get(path() + "?follow=1");
  std::string out;
  EXPECT_TRUE(response.stream->read(out));
  write("it broke");
  deploy_status(DeploymentStatus::failed);
  out.clear();
  EXPECT_FALSE(response.stream->read(out));
  EXPECT_NE(out.find("it broke"), std::string::npos) << out;
  EXPECT_NE(out.find(R"({"status":"FAILED"})"), std::string::npos) << out;
}

TEST_F(ApiBuildLogs, WhatEndedLongAgoEndsAtOnce) {
  deploy_status(DeploymentStatus::failed);
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(post(kInstance + "/deployments", {{"image", "nginx:1.27"}}).status, 202);
  const auto response = get(path() + "?follow=1");
  std::string out;
  EXPECT_FALSE(response.stream->read(out));
  EXPECT_EQ(out, "event: end\ndata: {\"status\":\"FAILED\"}\n\n");
}

TEST_F(ApiBuildLogs, ADeletedProjectIsAnEnd) {
  const auto response = get(path() + "?follow=1");
  std::string out;
  EXPECT_TRUE(response.stream->read(out));
  ASSERT_EQ(del("/v1/projects/shop").status, 204);
  EXPECT_FALSE(response.stream->read(out));
  EXPECT_EQ(out, "event: end\ndata: {\"status\":\"REMOVED\"}\n\n");
}

TEST_F(ApiBuildLogs, AnImageThatWaitsHasNotEnded) {
  const auto deployed = post(kInstance + "/deployments", {{"image", "nginx:1.27"}});
  ASSERT_EQ(deployed.status, 202);
  deployment_id_ = json(deployed)["id"];
  const auto response = get(path() + "?follow=1");
  std::string out;
  EXPECT_TRUE(response.stream->read(out)) << "QUEUED is no end: " << out;
  deploy_status(DeploymentStatus::deploying);
  EXPECT_FALSE(response.stream->read(out));
  EXPECT_EQ(out, "event: end\ndata: {\"status\":\"DEPLOYING\"}\n\n");
}

}  // namespace
}  // namespace gantry::testing
