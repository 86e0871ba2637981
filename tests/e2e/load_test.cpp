// The load itself: what goes wrong is seen, named and timed. Peers here misbehave on purpose.
#include "tests/support/load.hpp"

#include <cstring>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/loopback.hpp"
#include "tests/support/slow_socket.hpp"

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

int unix_socket(const std::string& path, bool listens) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* place = reinterpret_cast<const sockaddr*>(&address);
  const int failed = listens ? ::bind(fd, place, sizeof address) || ::listen(fd, 4)
                             : ::connect(fd, place, sizeof address);
  EXPECT_EQ(failed, 0) << std::strerror(errno);
  return fd;
}

std::string read_some(int fd) {
  char buffer[64];
  const auto n = ::recv(fd, buffer, sizeof buffer, 0);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
}

TEST(LoadReports, ASlowSocketHoldsBackWhatIsSaid) {
  const std::string path = "/tmp/gantry-slow-" + std::to_string(::getpid());
  const int listener = unix_socket(path, true);
  {
    SlowSocket slow(path);
    const int client = unix_socket(path, false);
    const int server = ::accept(listener, nullptr, nullptr);
    const auto exchange = [&](const std::string& text) {
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_EQ(::send(client, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
      EXPECT_EQ(read_some(server), text);
      EXPECT_EQ(::send(server, "yes", 3, 0), 3);
      EXPECT_EQ(read_some(client), "yes");
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    EXPECT_LT(exchange("one"), 0.2);
    EXPECT_EQ(slow.held_bytes(), 0);
    slow.delay(std::chrono::milliseconds(500));
    EXPECT_GE(exchange("two"), 0.5);
    EXPECT_EQ(slow.held_bytes(), 3);
    EXPECT_TRUE(slow.in_place());
    ::close(client);
    ::close(server);
  }
  const int direct = unix_socket(path, false);
  EXPECT_GE(::accept(listener, nullptr, nullptr), 0) << "the socket is in its place again";
  ::close(direct);
  ::close(listener);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace gantry::testing
