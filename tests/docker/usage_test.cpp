// What containers use, as a real engine counts it, and as its text is read.
#include <thread>

#include <gtest/gtest.h>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

TEST(DockerUsage, ReadsTheCountersOfAContainer) {
  const auto reading = docker::parse_usage(
      R"({"read":"2026-11-29T08:00:02.000000001Z","cpu_stats":{"cpu_usage":{"total_usage":900}},)"
      R"("memory_stats":{"usage":5000,"stats":{"inactive_file":1200}}})");
  ASSERT_TRUE(reading.ok());
  EXPECT_EQ(reading->cpu_nanoseconds, 900);
  EXPECT_EQ(reading->memory_bytes, 3800);
  for (const char* text :
       {"", "[]", "{}", R"({"read":"x","memory_stats":{}})", R"({"read":"2026-11-29T08:00:02Z"})"})
    EXPECT_FALSE(docker::parse_usage(text).ok()) << text;
}

TEST(DockerUsage, TwoReadingsMakeARate) {
  const TimePoint at = TimePoint(Seconds(1'000'000));
  const docker::UsageReading before{at, 1e9, 0}, after{at + Seconds(2), 2e9, 0};
  EXPECT_DOUBLE_EQ(docker::cpu_millicores(before, after), 500);
  EXPECT_EQ(docker::cpu_millicores(after, before), 0) << "it was started anew";
  EXPECT_EQ(docker::cpu_millicores(before, before), 0);
}

TEST(DockerUsage, ABusyContainerIsSeenAtItsLimit) {
  DockerBench bench;
  const auto meter = make_docker_usage(
      {.socket_path = test_engine_socket(), .installation_id = bench.installation});
  ContainerSpec busy = bench.spec(), idle = bench.spec();
  busy.command = {"/bin/sh", "-c", "while true; do true; done"};
  busy.cpu_millicores = 300;
  ASSERT_TRUE(bench.driver().start(busy).ok());
  ASSERT_TRUE(bench.driver().start(idle).ok());
  const std::vector<ReplicaKey> keys = {busy.key, idle.key, bench.spec().key};
  ASSERT_EQ(meter->usage(keys, {})->size(), 2u) << "the third does not run";
  std::this_thread::sleep_for(std::chrono::seconds(3));
  const auto usage = meter->usage(keys, {});
  ASSERT_TRUE(usage.ok());
  ASSERT_EQ(usage->size(), 2u);
  EXPECT_GT(usage->at(0).cpu_millicores, 60);
  EXPECT_LT(usage->at(0).cpu_millicores, 400);
  EXPECT_LT(usage->at(1).cpu_millicores, 60);
  EXPECT_GT(usage->at(1).memory_bytes, 1000);
}

}  // namespace
}  // namespace gantry::testing
