#include <gtest/gtest.h>

#include "api/metrics_summary.hpp"
#include "tests/support/api_fixture.hpp"

namespace gantry::testing {
namespace {

constexpr double kMebibyte = 1024 * 1024;

class ApiMetrics : public ApiTest {
 protected:
  // One each minute of the last hours, the newest of this minute.
  void fill(int minutes) {
    const auto now = std::chrono::floor<Seconds>(system_clock().now()).time_since_epoch();
    for (int i = minutes - 1; i >= 0; --i) {
      MetricsSample sample;
      sample.at = TimePoint(now - now % Seconds(60) - Seconds(60) * i);
      sample.seconds = 60;
      sample.replicas = 1;
      sample.cpu_millicores = 100;
      sample.cpu_peak_millicores = i == 30 ? 950 : 200;
      sample.memory_bytes = 50 * kMebibyte;
      sample.memory_peak_bytes = 60 * kMebibyte;
      sample.received_bytes = 7;
      sample.sent_bytes = 9;
      sample.responses = {0, 9, 0, 0, 1};
      sample.latency.add(20, 9);
      sample.latency.add(200);
      metrics().samples.push_back(sample);
    }
  }
  Json of_api(const std::string& query = "") {
    const auto response = get(kInstance + "/metrics" + query);
    EXPECT_EQ(response.status, 200) << response.body;
    return json(response);
  }
  std::string refused(const std::string& query) {
    const auto response = get(kInstance + "/metrics" + query);
    EXPECT_EQ(response.status, 400) << query << " " << response.body;
    return response.body;
  }
};

TEST_F(ApiMetrics, TellTheLastHourInShortAndItsCourse) {
  fill(180);
  const Json answer = of_api();
  EXPECT_EQ(metrics().asked, instance_id_);
  const Json summary = answer["summary"];
  EXPECT_EQ(summary["service"]["name"], "api");
  EXPECT_NEAR(summary["measured_seconds"].get<int>(), 3600, 61);
  EXPECT_EQ(summary["cpu"]["average_millicores"], 100);
  EXPECT_EQ(summary["cpu"]["peak_millicores"], 950);
  EXPECT_EQ(summary["cpu"]["limit_millicores"], 1000);
  EXPECT_EQ(summary["memory"]["peak_bytes"], 60 * 1024 * 1024);
  EXPECT_EQ(summary["memory"]["limit_bytes"], 512 * 1024 * 1024);
  EXPECT_EQ(summary["http"]["error_rate"], 0.1);
  EXPECT_NEAR(summary["http"]["latency"]["p50_ms"].get<double>(), 20, 2);
  EXPECT_NEAR(summary["http"]["latency"]["p95_ms"].get<double>(), 200, 20);
  EXPECT_EQ(answer["step_seconds"], 60);
  EXPECT_NEAR(static_cast<double>(answer["data"].size()), 60, 1.1);
  EXPECT_EQ(answer["data"][0]["http"]["requests"], 10);
  ASSERT_EQ(summary["hints"].size(), 2u) << summary;
  EXPECT_NE(summary["hints"][0].get<std::string>().find("raise deploy.cpu_millicores"),
            std::string::npos);
  EXPECT_NE(summary["hints"][1].get<std::string>().find("128 MiB of deploy.memory_bytes would do"),
            std::string::npos)
      << summary["hints"];
}

TEST_F(ApiMetrics, AnotherSpanAndStep) {
  fill(180);
  const Json short_one = of_api("?since=10m&step=5m");
  EXPECT_EQ(short_one["step_seconds"], 300);
  EXPECT_LE(short_one["data"].size(), 3u);
  EXPECT_GE(short_one["data"].size(), 2u);
  EXPECT_EQ(short_one["summary"]["cpu"]["peak_millicores"], 200);
  EXPECT_TRUE(short_one["summary"]["hints"].empty()) << "ten minutes tell nothing";
  const Json early = of_api("?since=3h&until=2h");
  EXPECT_EQ(early["summary"]["cpu"]["peak_millicores"], 200);
  EXPECT_EQ(of_api("?since=3h")["step_seconds"], 120) << "at most 120 points";
  EXPECT_EQ(of_api("?since=30d")["step_seconds"], 21600);
  const std::string time = format_time(system_clock().now() - Seconds(600));
  EXPECT_NEAR(of_api("?since=" + time)["summary"]["measured_seconds"].get<int>(), 600, 61);
}

TEST_F(ApiMetrics, WhatCannotBeReadNamesTheParameter) {
  EXPECT_NE(refused("?since=yesterday").find("since"), std::string::npos);
  EXPECT_NE(refused("?until=0s").find("until"), std::string::npos);
  EXPECT_NE(refused("?since=1h&until=2h").find("before"), std::string::npos);
  EXPECT_NE(refused("?step=7s").find("multiple of 60s"), std::string::npos);
  EXPECT_NE(refused("?since=2d&step=60s").find("multiple of 900s"), std::string::npos);
  EXPECT_NE(refused("?since=30d&step=15m").find("1800s or more"), std::string::npos);
  EXPECT_NE(refused("?sinec=1h").find("sinec"), std::string::npos);
}

TEST_F(ApiMetrics, OfAnEnvironmentAllServicesPageByPage) {
  fill(10);
  ASSERT_EQ(post("/v1/projects/shop/services", {{"name", "web"}}).status, 201);
  const std::string all = "/v1/projects/shop/environments/production/metrics";
  std::vector<std::string> names;
  std::string cursor;
  do {
    const Json page = json(get(all + "?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor)));
    ASSERT_EQ(page["data"].size(), 1u) << page;
    names.push_back(page["data"][0]["service"]["name"]);
    EXPECT_EQ(page["data"][0]["memory"]["peak_bytes"], 60 * 1024 * 1024);
    cursor = page["next_cursor"].is_null() ? "" : page["next_cursor"].get<std::string>();
  } while (!cursor.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"api", "web"}));
}

TEST_F(ApiMetrics, NothingWasMeasured) {
  const Json answer = of_api();
  EXPECT_TRUE(answer["data"].empty());
  EXPECT_EQ(answer["summary"]["measured_seconds"], 0);
  EXPECT_EQ(answer["summary"]["http"]["error_rate"], nullptr);
  EXPECT_EQ(answer["summary"]["http"]["latency"], nullptr);
  context().instance_metrics = nullptr;
  const auto off = get(kInstance + "/metrics");
  EXPECT_EQ(off.status, 503);
  EXPECT_EQ(code(off), "no_metrics");
}

MetricsSample used(double cpu, double memory, int replicas = 1) {
  MetricsSample sample;
  sample.seconds = 3600;
  sample.replicas = replicas;
  sample.cpu_peak_millicores = cpu;
  sample.memory_peak_bytes = memory * kMebibyte;
  return sample;
}

TEST(ApiMetricsHints, SayWhatWouldDo) {
  const api::MetricsLimits limits{
      .cpu_millicores = 1000, .memory_bytes = 512LL << 20, .volume_bytes = 1LL << 30};
  const auto hints = [&](const MetricsSample& sample) { return limit_hints(sample, limits); };
  EXPECT_TRUE(hints(used(600, 300)).empty());
  EXPECT_EQ(hints(used(100, 300)),
            (std::vector<std::string>{"cpu: the peak of 100 millicores is 10 % of the limit of "
                                      "1000 millicores: 200 millicores of deploy.cpu_millicores "
                                      "would do"}));
  EXPECT_EQ(hints(used(600, 490)),
            (std::vector<std::string>{"memory: the peak of 490 MiB is 96 % of the limit of 512 "
                                      "MiB: beyond it it is killed; raise deploy.memory_bytes"}));
  EXPECT_TRUE(hints(used(1200, 600, 2)).empty()) << "of each replica";
  EXPECT_TRUE(api::limit_hints(used(1, 1), {}).empty()) << "no limit, no hint";
  MetricsSample little = used(1, 1);
  little.seconds = 60;
  EXPECT_TRUE(hints(little).empty());
  little.volume_bytes = 1000LL << 20;
  ASSERT_EQ(hints(little).size(), 1u);
  EXPECT_NE(hints(little)[0].find("98 %"), std::string::npos) << hints(little)[0];
}

}  // namespace
}  // namespace gantry::testing
