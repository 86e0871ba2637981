// What services use, on a real installation, beside what the engine itself says of the same
// containers.
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"

namespace gantry::testing {
namespace {

constexpr double kMebibyte = 1024 * 1024;

// Counters of a service's only container, from the engine.
struct Reading {
  double cpu_nanoseconds = 0, memory_bytes = 0;
  std::chrono::steady_clock::time_point at;
};

Reading engine_reading(Gantry& gantry, const std::string& path) {
  const auto containers = gantry.containers(path);
  EXPECT_EQ(containers.size(), 1u);
  if (containers.empty()) return {};
  const Json stats = Json::parse(
      gantry.engine("GET", "/containers/" + containers[0].id + "/stats?stream=false&one-shot=true")
          .body);
  const Json memory = stats["memory_stats"], kinds = memory["stats"];
  const double cache = kinds.contains("total_inactive_file")
                           ? kinds["total_inactive_file"].get<double>()
                           : kinds["inactive_file"].get<double>();
  return {.cpu_nanoseconds = stats["cpu_stats"]["cpu_usage"]["total_usage"].get<double>(),
          .memory_bytes = memory["usage"].get<double>() - cache,
          .at = std::chrono::steady_clock::now()};
}

class E2eMetrics : public ::testing::Test {
 protected:
  E2eMetrics() {
    gantry_.start();
    burner_ = gantry_.create("burner", {{"start_command", {"sh", "-c", "while :; do :; done"}},
                                        {"cpu_millicores", 300},
                                        {"port", 0}});
    web_ = gantry_.create("web", {{"memory_bytes", 256 << 20}, {"healthcheck_path", "/health"}});
    const std::string first = gantry_.deploy(burner_), second = gantry_.deploy(web_);
    EXPECT_EQ(gantry_.settled(first), "SUCCESS");
    EXPECT_EQ(gantry_.settled(second), "SUCCESS");
  }
  Json summary(const std::string& path, const std::string& query = "") {
    return gantry_.get(path + "/metrics" + query)["summary"];
  }
  // Until so many seconds of it were measured.
  Json measured(const std::string& path, int seconds) {
    EXPECT_TRUE(within(120, [&] {
      const Json seen = summary(path);
      return seen.is_object() && seen["measured_seconds"].get<int>() >= seconds;
    })) << summary(path);
    return summary(path);
  }

  Gantry gantry_;
  std::string burner_, web_;
};

TEST_F(E2eMetrics, AreWhatTheEngineSeesAndSurviveTheDaemon) {
  measured(burner_, 1);
  const Reading before = engine_reading(gantry_, burner_);
  ASSERT_EQ(gantry_.edge(web_, "/eat/80").status, 200);
  const double received_before = measured(web_, 1)["network"]["received_bytes"].get<double>();
  for (int i = 0; i < 40; ++i) ASSERT_EQ(gantry_.edge(web_, "/bytes/50000").status, 200);
  for (int i = 0; i < 4; ++i) ASSERT_EQ(gantry_.edge(web_, "/nowhere").status, 404);
  ASSERT_EQ(gantry_.edge(web_, "/sleep/700").status, 200);
  std::this_thread::sleep_for(std::chrono::seconds(30));
  const Reading after = engine_reading(gantry_, burner_);
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  const double cpu = (after.cpu_nanoseconds - before.cpu_nanoseconds) / seconds / 1e6;

  const Json burner = summary(burner_);
  EXPECT_NEAR(burner["cpu"]["average_millicores"].get<double>(), cpu, std::max(cpu * 0.2, 30.0))
      << burner;
  EXPECT_EQ(burner["cpu"]["limit_millicores"], 300);
  EXPECT_LT(burner["cpu"]["peak_millicores"].get<double>(), 400);

  const double memory = engine_reading(gantry_, web_).memory_bytes;
  EXPECT_GT(memory, 80 * kMebibyte);
  const Json web = summary(web_);
  EXPECT_NEAR(web["memory"]["peak_bytes"].get<double>(), memory, memory * 0.05) << web;
  EXPECT_GT(web["network"]["sent_bytes"].get<double>(), 40 * 50000.0);
  EXPECT_GT(web["network"]["received_bytes"].get<double>(), received_before);
  EXPECT_GE(web["http"]["responses"]["2xx"].get<int>(), 40) << web;
  EXPECT_GE(web["http"]["responses"]["4xx"].get<int>(), 4) << web;
  EXPECT_EQ(web["http"]["responses"]["5xx"], 0) << web;
  EXPECT_GE(web["http"]["latency"]["p99_ms"].get<double>(), 600) << web;
  EXPECT_LT(web["http"]["latency"]["p50_ms"].get<double>(), 200) << web;

  const Json all = gantry_.get("/v1/projects/shop/environments/production/metrics")["data"];
  EXPECT_EQ(all.size(), 2u) << all;

  const int so_far = summary(burner_)["measured_seconds"].get<int>();
  gantry_.stop();
  gantry_.start();
  EXPECT_GE(summary(burner_)["measured_seconds"].get<int>(), so_far) << "stopped: nothing is lost";
  const int again = measured(burner_, so_far + 10)["measured_seconds"].get<int>();
  gantry_.kill();
  gantry_.start();
  EXPECT_GE(summary(burner_)["measured_seconds"].get<int>(), again - 70)
      << "killed: the minute that it was in, at most";
}

}  // namespace
}  // namespace gantry::testing
