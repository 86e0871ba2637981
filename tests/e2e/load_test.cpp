// The load itself: what goes wrong is seen, named and timed. Peers here misbehave on purpose.
#include "tests/support/load.hpp"

#include <gtest/gtest.h>

#include "tests/support/loopback.hpp"

namespace gantry::testing {
namespace {

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

LoadReport report_of(const LoopbackServer& server, LoadOptions options) {
  options.port = server.port();
  options.host = "load.test";
  Load load(options);
  pause(0.6);
  return load.take("misbehaving");
}

void expect_only(const LoadReport& report, const std::string& reason) {
  EXPECT_GT(report.failed(), 0) << reason;
  EXPECT_EQ(report.failed(), report.sent) << report.reasons();
  for (const LoadFailure& failure : report.failures)
    EXPECT_EQ(failure.reason.substr(0, reason.size()), reason);
}

TEST(LoadReports, WhatAPeerDoesWrong) {
  const LoadOptions slow{.per_second = 20};
  const LoopbackServer gone([](const auto&) { return ""; });
  expect_only(report_of(gone, slow), "no answer");
  const LoopbackServer half([](const auto&) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf of it";
  });
  expect_only(report_of(half, slow), "truncated");
  const LoopbackServer bad([](const auto&) { return http_answer(503, "version=v7 \n"); });
  const LoadReport report = report_of(bad, slow);
  expect_only(report, "status 503");
  EXPECT_EQ(report.failed_of("v7"), report.failed());
  EXPECT_EQ(report.failed_of("v8"), 0);
}

TEST(LoadReports, NobodyListens) {
  Load load({.port = free_port(), .host = "load.test", .per_second = 20});
  pause(0.4);
  expect_only(load.take("nobody"), "connect");
}

TEST(LoadReports, SilenceIsLateAndTheRateGoesOn) {
  const LoopbackServer silent(LoopbackServer::Silent{});
  Load load({.port = silent.port(), .host = "load.test", .per_second = 50, .late_ms = 300});
  pause(1);
  const LoadReport report = load.take("silent");
  expect_only(report, "late");
  EXPECT_NEAR(report.sent, 50, 15) << "it waits for no answer";
}

TEST(LoadReports, TimeRunsFromTheIntendedMoment) {
  const LoopbackServer slow([](const auto&) {
    pause(0.2);
    return http_answer(200, "replica=r version=v1 \n");
  });
  const LoadReport report = report_of(slow, {.per_second = 20});
  EXPECT_EQ(report.failed(), 0) << report.reasons();
  EXPECT_GE(report.percentile(0), 200);
  EXPECT_EQ(report.versions.at("v1"), report.sent);
}

TEST(LoadReports, ACutWebSocketIsSeen) {
  const LoopbackServer cutting([](const auto&) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Version: v3\r\n\r\n";
  });
  const LoadReport report = report_of(cutting, {.per_second = 0, .sockets = 3});
  expect_only(report, "WebSocket cut");
  EXPECT_EQ(report.failed_of("v3"), report.failed());
  const LoopbackServer refusing([](const auto&) { return http_answer(400, "no"); });
  expect_only(report_of(refusing, {.per_second = 0, .sockets = 3}), "status 400");
}

TEST(LoadReports, AnUploadOfAnotherLengthAndACutDownload) {
  const LoopbackServer both([](const std::string& request) -> std::string {
    if (request.starts_with("POST")) return http_answer(200, "received=1 version=v1 \n");
    return "HTTP/1.1 200 OK\r\nContent-Length: 10240\r\nConnection: close\r\n\r\nss";
  });
  LoadOptions options{.per_second = 0, .uploads = 1, .slow_seconds = 1};
  expect_only(report_of(both, options), "upload of another length");
  options.uploads = 0;
  options.downloads = 1;
  expect_only(report_of(both, options), "truncated (download)");
}

}  // namespace
}  // namespace gantry::testing
