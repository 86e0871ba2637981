// Metrics as a person reads them.
#include <gtest/gtest.h>

#include "cli/metrics_text.hpp"

namespace gantry::cli {
namespace {

constexpr const char* kHttp =
    R"({"requests":200,"responses":{"1xx":0,"2xx":190,"3xx":0,"4xx":6,"5xx":4},"error_rate":0.0200,)"
    R"("latency":{"measured":198,"p50_ms":12.1,"p90_ms":30.0,"p95_ms":42.5,"p99_ms":120.0}})";

std::string summary(const std::string& name, const std::string& http = kHttp) {
  return R"({"service":{"id":"svc_1","name":")" + name +
         R"("},"since":"2026-11-29T12:00:00.000000Z","until":"2026-11-29T13:00:00.000000Z",)"
         R"("measured_seconds":3600,"replicas":2,)"
         R"("cpu":{"average_millicores":125,"peak_millicores":1500,"limit_millicores":2000},)"
         R"("memory":{"average_bytes":1048576,"peak_bytes":157286400,"limit_bytes":null},)"
         R"("network":{"received_bytes":1023,"sent_bytes":1536},)"
         R"("volume":{"used_bytes":null,"size_bytes":null},"http":)" +
         http + R"(,"hints":["cpu: something"]})";
}

Json parsed(const std::string& text) {
  const auto json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  return json.value_or(Json());
}

const MetricsWish kAll{.cpu = true, .memory = true, .network = true, .volume = true, .http = true};

TEST(CliMetrics, AReportHasAveragesPeaksLimitsAndHints) {
  EXPECT_EQ(metrics_report(parsed(summary("api")), kAll),
            "api, 2026-11-29T12:00 to 2026-11-29T13:00, 2 replicas at most\n"
            "\n"
            "RESOURCE     AVERAGE  PEAK     LIMIT\n"
            "cpu (cores)  0.125    1.500    2.000\n"
            "memory       1.0 MiB  150 MiB  -\n"
            "volume       -        -        -\n"
            "\n"
            "network: 1023 B received, 1.5 KiB sent\n"
            "\n"
            "http: 200 requests, 190 2xx, 6 4xx, 4 5xx; errors 2.00 %\n"
            "      p50 12.1 ms  p90 30.0 ms  p95 42.5 ms  p99 120.0 ms  (198 measured)\n"
            "\n"
            "hint: cpu: something");
}

TEST(CliMetrics, OnlyWhatIsWished) {
  EXPECT_EQ(metrics_report(parsed(summary("api")), {.memory = true}),
            "api, 2026-11-29T12:00 to 2026-11-29T13:00, 2 replicas at most\n"
            "\n"
            "RESOURCE  AVERAGE  PEAK     LIMIT\n"
            "memory    1.0 MiB  150 MiB  -\n"
            "\n"
            "hint: cpu: something");
  const std::string silent =
      R"({"requests":0,"responses":{"1xx":0,"2xx":0,"3xx":0,"4xx":0,"5xx":0},"error_rate":null,"latency":null})";
  const std::string text = metrics_report(parsed(summary("api", silent)), {.http = true});
  EXPECT_NE(text.find("http: 0 requests; errors -\n"), std::string::npos) << text;
}

TEST(CliMetrics, AnOverviewHasARowForEachService) {
  EXPECT_EQ(
      metrics_overview({parsed(summary("api")), parsed(summary("worker"))},
                       {.cpu = true, .http = true}),
      "SERVICE  REPLICAS  CPU    CPU_PEAK  CPU_LIMIT  REQUESTS  ERRORS  P50_MS  P95_MS  P99_MS\n"
      "api      2         0.125  1.500     2.000      200       2.00 %  12.1    42.5    120.0\n"
      "worker   2         0.125  1.500     2.000      200       2.00 %  12.1    42.5    120.0\n"
      "\n"
      "hint: api: cpu: something\n"
      "hint: worker: cpu: something");
  const std::string exact =
      metrics_overview({parsed(summary("api"))}, {.memory = true, .exact = true});
  EXPECT_NE(exact.find("1048576"), std::string::npos) << exact;
}

TEST(CliMetrics, TheCourseIsPlainNumbers) {
  const std::string point =
      R"({"at":"2026-11-29T12:00:00.000000Z","measured_seconds":60,"replicas":1,)"
      R"("cpu":{"average_millicores":5,"peak_millicores":9},)"
      R"("memory":{"average_bytes":1000,"peak_bytes":2000},)"
      R"("network":{"received_bytes":1,"sent_bytes":2},"volume_bytes":null,"http":)" +
      std::string(kHttp) + "}";
  EXPECT_EQ(
      metrics_course(parsed(R"({"data":[)" + point + "]}"), {.cpu = true, .volume = true}),
      "AT                           SECONDS  REPLICAS  CPU_MILLICORES  CPU_PEAK  VOLUME_BYTES\n"
      "2026-11-29T12:00:00.000000Z  60       1         5               9         -");
}

}  // namespace
}  // namespace gantry::cli
