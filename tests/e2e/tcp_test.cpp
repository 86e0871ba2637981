// Ports at the edge on a real installation: what connects by them meets the service's replicas and
// loses nothing, whatever happens behind.
#include <csignal>
#include <random>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/daemon.hpp"
#include "tests/support/tcp_echo.hpp"

namespace gantry::testing {
namespace {

// Answers HTTP at 8080, and at 7000 says who it is and sends back what it gets.
const Json kEcho = {
    {"exposed", false},
    {"port", 8080},
    {"draining_seconds", 1},
    {"healthcheck_timeout_seconds", 60},
    {"rollout", {{"observe_seconds", 0}}},
    {"traffic", {{"drain_seconds", 1}, {"stream_drain_seconds", 6}}},
    {"start_command",
     {"/bin/sh", "-c", "nc -ll -p 7000 -e sh -c 'echo $GANTRY_REPLICA_ID; exec cat' & exec /web"}}};

class E2eTcp : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gantry = new Gantry;
    gantry->start();
    path = gantry->create("echo", kEcho);
    first = gantry->settled(gantry->deploy(path));
    open();
  }
  static void TearDownTestSuite() { delete std::exchange(gantry, nullptr); }
  void SetUp() override {
    ASSERT_EQ(first, "SUCCESS") << gantry->state_of(path);
    ASSERT_TRUE(answers()) << gantry->state_of(path);
  }
  static void open(const Json& body = {{"target_port", 7000}}) {
    const auto opened = gantry->api("PUT", path + "/tcp-proxy", body);
    ASSERT_EQ(opened.status, 200) << opened.http.body;
    port = opened.json["tcp_proxy"]["port"];
  }
  static std::string who() { return EchoClient(port).name(); }
  static bool answers() {
    return within(20, [] { return !who().empty(); });
  }
  // Of an event of this type, the newest of the service.
  static std::string event(const std::string& type) {
    std::string message;
    const Json events = gantry->get("/v1/events?limit=200");
    for (const Json& each : events["data"])
      if (each["type"] == type) message = each["message"];
    return message;
  }

  static inline Gantry* gantry = nullptr;
  static inline std::string path, first;
  static inline int port = 0;
};

TEST_F(E2eTcp, ManyBytesBothWays) {
  std::string bytes(8 << 20, '\0');
  std::mt19937 random(11);
  for (char& c : bytes) c = static_cast<char>(random());
  EXPECT_GE(port, 20000);
  EXPECT_LE(port, 20999);
  EXPECT_TRUE(EchoClient(port).echoes(bytes));
  EXPECT_EQ(gantry->get(path)["tcp_proxy"],
            (Json{{"host", "echo-production.e2e.test"}, {"port", port}, {"target_port", 7000}}));
}

TEST_F(E2eTcp, ARestartKeepsThePort) {
  const std::string before = who();
  ASSERT_EQ(gantry->api("POST", path + "/restart").status, 202);
  EXPECT_TRUE(within(60, [&] {
    const std::string now = who();
    return !now.empty() && now != before;
  })) << gantry->state_of(path);
  EXPECT_EQ(gantry->get(path)["tcp_proxy"]["port"], port);
}

TEST_F(E2eTcp, ADeploymentDrains) {
  EchoClient old(port);
  ASSERT_TRUE(old.echoes("before"));
  const std::string deployment = gantry->deploy(path);
  EXPECT_TRUE(within(60, [&] {
    const std::string now = who();
    return !now.empty() && now != old.name();
  })) << gantry->state_of(path);
  EXPECT_TRUE(old.echoes("it has its time"));
  EXPECT_EQ(gantry->settled(deployment), "SUCCESS");
  EXPECT_TRUE(gantry->converged(path, 1)) << "its time is over: " << gantry->state_of(path);
  EXPECT_FALSE(old.echoes("too late"));
  EXPECT_FALSE(who().empty());
}

TEST_F(E2eTcp, AnotherServiceAndADaemonThatDies) {
  const std::string other = gantry->create("second", kEcho);
  ASSERT_EQ(gantry->settled(gantry->deploy(other)), "SUCCESS");
  const auto taken =
      gantry->api("PUT", other + "/tcp-proxy", {{"port", port}, {"target_port", 7000}});
  EXPECT_EQ(taken.status, 409) << taken.http.body;
  const auto opened = gantry->api("PUT", other + "/tcp-proxy", {{"target_port", 7000}});
  ASSERT_EQ(opened.status, 200) << opened.http.body;
  const int second = opened.json["tcp_proxy"]["port"];
  EXPECT_TRUE(within(20, [&] { return !EchoClient(second).name().empty(); }));
  EXPECT_NE(EchoClient(second).name(), who());
  EchoClient lasting(second);
  gantry->kill();
  EXPECT_TRUE(lasting.echoes("nobody needs the daemon"));
  gantry->start();
  EXPECT_TRUE(lasting.echoes("nor its next one"));
  EXPECT_TRUE(answers());
  ASSERT_EQ(gantry->api("DELETE", other).status, 204);
  EXPECT_TRUE(within(40, [&] { return EchoClient(second).name().empty(); }));
  EXPECT_FALSE(who().empty());
}

TEST_F(E2eTcp, WhatIsDeletedIsClosedAndCut) {
  EchoClient open_one(port);
  ASSERT_TRUE(open_one.echoes("there"));
  ASSERT_EQ(gantry->api("DELETE", path + "/tcp-proxy").status, 204);
  EXPECT_TRUE(within(20, [&] { return who().empty(); }));
  EXPECT_TRUE(within(10, [&] { return !open_one.echoes("there?"); }));
  EXPECT_EQ(gantry->get(path)["tcp_proxy"], nullptr);
  const auto variables = gantry->get(path + "/variables?rendered=true").dump();
  EXPECT_EQ(variables.find("TCP_PROXY"), std::string::npos);
  open({{"port", port}, {"target_port", 7000}});
  EXPECT_TRUE(answers()) << "the same port again";
}

// The check of a request cannot see what comes after it.
TEST_F(E2eTcp, APortThatAnotherProgramTakesIsToldOf) {
  ASSERT_EQ(gantry->api("DELETE", path + "/tcp-proxy").status, 204);
  ASSERT_TRUE(within(20, [&] { return who().empty(); }));
  int thief = -1;
  ASSERT_TRUE(within(10, [&] { return (thief = listen_on(port)) >= 0; }));
  const auto refused =
      gantry->api("PUT", path + "/tcp-proxy", {{"port", port}, {"target_port", 7000}});
  EXPECT_EQ(refused.status, 409) << refused.http.body;
  EXPECT_EQ(refused.json["code"], "port_in_use");
  ::close(thief);
  open();
  ASSERT_TRUE(answers());
  gantry->kill();
  const pid_t proxy = gantry->proxy_master();
  ASSERT_GT(proxy, 0);
  ::kill(proxy, SIGKILL);
  ASSERT_TRUE(within(10, [&] { return (thief = listen_on(port)) >= 0; }));
  gantry->start();
  EXPECT_TRUE(within(30, [&] { return !event("instance.tcp_proxy_failed").empty(); }));
  EXPECT_NE(event("instance.tcp_proxy_failed").find("another program"), std::string::npos);
  EXPECT_NE(gantry->get(path + "/tcp-proxy")["trouble"], nullptr);
  ::close(thief);
  EXPECT_TRUE(within(30, [&] { return !who().empty(); }));
  EXPECT_EQ(gantry->get(path + "/tcp-proxy")["trouble"], nullptr);
}

}  // namespace
}  // namespace gantry::testing
