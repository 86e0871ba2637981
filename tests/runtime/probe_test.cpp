#include "runtime/probe.hpp"

#include <atomic>
#include <chrono>
#include <future>

#include <gtest/gtest.h>

#include "tests/support/loopback.hpp"

namespace gantry {
namespace {

ProbeOutcome probe_once(const ProbeTarget& target) {
  const auto prober = make_prober();
  std::promise<ProbeOutcome> outcome;
  prober->probe(target, [&](ProbeOutcome result) { outcome.set_value(std::move(result)); });
  return outcome.get_future().get();
}

ProbeOutcome answered(const std::string& text, const std::string& path = "/health") {
  const LoopbackServer server([&](const std::string&) { return text; });
  return probe_once({{"127.0.0.1", server.port()}, path});
}

TEST(Probe, TwoHundredsAreHealthy) {
  EXPECT_TRUE(answered("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok);
  EXPECT_TRUE(answered("HTTP/1.0 204 No Content\r\n\r\n").ok);
  EXPECT_TRUE(answered("HTTP/1.1 200\r\n\r\n").ok);
}

TEST(Probe, EverythingElseIsNot) {
  for (const int status : {199, 300, 308, 404, 503}) {
    const auto outcome = answered("HTTP/1.1 " + std::to_string(status) + " Any\r\n\r\n");
    EXPECT_FALSE(outcome.ok);
    EXPECT_EQ(outcome.detail, "answered " + std::to_string(status));
  }
  EXPECT_EQ(answered("SSH-2.0-OpenSSH_9.2\r\n").detail, "answered with something that is not HTTP");
  EXPECT_EQ(answered(std::string(10000, 'x')).detail, "answered with something that is not HTTP");
  EXPECT_EQ(answered("").detail, "closed without an answer");
}

TEST(Probe, SendsTheHostThatRailwaySends) {
  std::string seen;
  {
    const LoopbackServer server([&](const std::string& request) {
      seen = request;
      return std::string("HTTP/1.1 200 OK\r\n\r\n");
    });
    EXPECT_TRUE(probe_once({{"127.0.0.1", server.port()}, "/up?deep=1"}).ok);
  }
  EXPECT_EQ(seen.substr(0, 25), "GET /up?deep=1 HTTP/1.1\r\n");
  EXPECT_NE(seen.find("\r\nHost: healthcheck.railway.app\r\n"), std::string::npos);
}

TEST(Probe, RefusedAndUnusableTargets) {
  EXPECT_EQ(probe_once({{"127.0.0.1", free_port()}, std::nullopt}).detail, "connection refused");
  EXPECT_FALSE(probe_once({{"localhost", 80}, std::nullopt}).ok);
  EXPECT_FALSE(probe_once({{"127.0.0.1", 80}, "/a b\r\nX: y"}).ok);
}

TEST(Probe, TcpNeedsOnlyAConnection) {
  const LoopbackServer server([](const std::string&) { return std::string(); });
  EXPECT_TRUE(probe_once({{"127.0.0.1", server.port()}, std::nullopt}).ok);
}

TEST(Probe, SilenceTimesOut) {
  const LoopbackServer server(LoopbackServer::Silent{});
  const auto outcome =
      probe_once({{"127.0.0.1", server.port()}, "/", std::chrono::milliseconds(150)});
  EXPECT_FALSE(outcome.ok);
  EXPECT_EQ(outcome.detail, "no answer within 150 ms");
  EXPECT_EQ(probe_once({{"127.0.0.1", server.port()}, "/", Seconds(1)}).detail,
            "no answer within 1 s");
}

TEST(Probe, ManyAtOnceAndPendingOnesAreCancelled) {
  const LoopbackServer good(
      [](const std::string&) { return std::string("HTTP/1.1 200 OK\r\n\r\n"); });
  const LoopbackServer silent(LoopbackServer::Silent{});
  std::atomic<int> healthy{0}, cancelled{0};
  {
    const auto prober = make_prober();
    for (int i = 0; i < 50; ++i) {
      prober->probe({{"127.0.0.1", silent.port()}, "/"}, [&](const ProbeOutcome& outcome) {
        if (outcome.detail == "cancelled" && !outcome.ok) ++cancelled;
      });
      prober->probe({{"127.0.0.1", good.port()}, "/"}, [&](const ProbeOutcome& outcome) {
        if (outcome.ok) ++healthy;
      });
    }
    const auto until = std::chrono::steady_clock::now() + Seconds(5);
    while (healthy < 50 && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(healthy, 50);
  EXPECT_EQ(cancelled, 50);
}

}  // namespace
}  // namespace gantry
