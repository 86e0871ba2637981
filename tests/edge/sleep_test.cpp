// Requests that are held while their service sleeps, by the real proxy.
#include <filesystem>

#include <sys/un.h>

#include "runtime/edge/receiver.hpp"
#include "tests/edge/haproxy_fixture.hpp"

namespace gantry {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class EdgeSleep : public EdgeHaproxy {
 protected:
  void start_asleep() {
    listen(world_.edge());
    start();
    asleep_ = route(1, {"one.test"}, {});
    asleep_.asleep = true;
    apply({asleep_});
  }
  void listen(Edge& edge) {
    edge.on_wake([this](const InstanceId& id) {
      EXPECT_EQ(id, instance_id(1));
      ++wakes_;
    });
  }
  void await_wakes(int count) {
    const auto limit = Clock::now() + seconds(10);
    while (wakes_ < count && Clock::now() < limit) std::this_thread::sleep_for(milliseconds(5));
    EXPECT_GE(wakes_, count);
  }
  Route awake() {
    auto one = asleep_;
    one.backends = {world_.replica(1)};
    return one;
  }
  Route asleep_;
  std::atomic<int> wakes_{0};
};

// Its status; 0 when no whole answer came.
int post(int port, std::size_t bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{40, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string text =
      "POST / HTTP/1.1\r\nHost: one.test\r\nConnection: close\r\nContent-Length: " +
      std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
  std::string reply;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const auto n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    char buffer[4096];
    for (ssize_t n; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
      reply.append(buffer, static_cast<std::size_t>(n));
    if (sent != text.size()) reply.clear();
  }
  ::close(fd);
  return reply.size() > 12 ? std::atoi(reply.c_str() + 9) : 0;
}

TEST(EdgeReceiver, ManyCallsForASlotAreOne) {
  const std::string folder = ::testing::TempDir() + "gantry_receiver_" + std::to_string(::getpid());
  ASSERT_TRUE(make_directory(folder, 0700).ok());
  std::mutex mutex;
  std::vector<std::string> calls;
  const auto heard = [&] {
    const std::lock_guard guard(mutex);
    return calls;
  };
  {
    ProxyReceiver receiver;
    ASSERT_TRUE(receiver
                    .start(folder + "/worker.sock", folder + "/wake.sock",
                           [&](const std::string& slot) {
                             const std::lock_guard guard(mutex);
                             calls.push_back(slot);
                           })
                    .ok());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder + "/wake.sock").copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const std::string text = "s0001\ns0001\ns0001\ns0002\ns00";
    ASSERT_EQ(::send(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    for (int i = 0; i < 300 && heard().size() < 2; ++i)
      std::this_thread::sleep_for(milliseconds(10));
    ASSERT_EQ(::send(fd, "03\n", 3, 0), 3);
    for (int i = 0; i < 300 && heard().size() < 3; ++i)
      std::this_thread::sleep_for(milliseconds(10));
    ::close(fd);
  }
  EXPECT_EQ(calls, (std::vector<std::string>{"s0001", "s0002", "s0003"}));
  std::filesystem::remove_all(folder);
}

TEST_F(EdgeSleep, AHundredRequestsWithBodiesAreAllAnswered) {
  start_asleep();
  std::vector<std::future<int>> replies;
  for (int i = 0; i < 100; ++i) {
    const std::size_t bytes = i % 10 == 0 ? 5'000'000 : i % 2 == 0 ? 1000 : 100'000;
    replies.push_back(std::async(std::launch::async, post, world_.options.port, bytes));
  }
  await_wakes(1);
  std::this_thread::sleep_for(seconds(2));
  EXPECT_GE(wakes_, 2) << "about once a second";
  EXPECT_LE(wakes_, 5);
  apply({awake()});
  int good = 0;
  for (auto& reply : replies) good += reply.get() == 200 ? 1 : 0;
  EXPECT_EQ(good, 100);
  const int at_the_end = wakes_;
  std::this_thread::sleep_for(seconds(2));
  EXPECT_EQ(wakes_, at_the_end) << "nothing waits any more";
}

TEST_F(EdgeSleep, ADaemonThatWasAwayIsCalledAgain) {
  start_asleep();
  world_.drop_daemon();
  world_.visit("one.test");
  std::this_thread::sleep_for(milliseconds(1500));
  EXPECT_EQ(wakes_, 0);
  world_.make_daemon();
  listen(world_.edge());
  start();
  await_wakes(1);
  apply({awake()});
  EXPECT_EQ(world_.visits_end(), std::vector<int>{200});
}

TEST_F(EdgeSleep, WhatWasHeldBeforeAReloadIsAnsweredToo) {
  start_asleep();
  world_.visit("one.test");
  await_wakes(1);
  const pid_t worker = world_.worker_pid();
  for (int n = 2; n <= 12; ++n) apply({route(n, {"n" + std::to_string(n) + ".test"}, {})});
  ASSERT_NE(world_.worker_pid(), worker);
  const int before = wakes_;
  await_wakes(before + 1);
  apply({awake()});
  EXPECT_EQ(world_.visits_end(), std::vector<int>{200});
}

TEST_F(EdgeSleep, ADrainingReplicaDoesNotAnswerForASleepingRoute) {
  start_asleep();
  auto one = awake();
  one.backends[0].draining = true;
  apply({one});
  world_.visit("one.test");
  await_wakes(1);
  one.backends[0].draining = false;
  apply({one});
  EXPECT_EQ(world_.visits_end(), std::vector<int>{200});
}

TEST_F(EdgeSleep, NobodyWaitsLongerThanHalfAMinute) {
  start_asleep();
  const auto begin = Clock::now();
  EXPECT_EQ(post(world_.options.port, 10), 503);
  const auto took = Clock::now() - begin;
  EXPECT_GE(took, seconds(29));
  EXPECT_LT(took, seconds(36));
}

}  // namespace
}  // namespace gantry
