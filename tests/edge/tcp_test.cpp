// Ports whose connections go to replicas byte by byte: the real proxy and the simulated one.
#include <chrono>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/edge/worlds.hpp"
#include "tests/support/tcp_echo.hpp"

namespace gantry {
namespace {

using Ids = std::set<std::string>;
const TimePoint kNow = TimePoint(Duration(1'000'000'000));
const TimePoint kLater = kNow + Seconds(60);

// What the suite needs beside an EdgeWorld.
class TcpWorld {
 public:
  virtual ~TcpWorld() = default;
  virtual EdgeWorld& world() = 0;
  // Listens at `target_port`, and its address has another port.
  virtual RouteBackend replica(int deployment, int ordinal = 0) = 0;
  virtual Ids answering(int port) = 0;
  virtual void open(int port, const ReplicaKey&) = 0;
  virtual bool open_ones_live() = 0;
  virtual void close_all() = 0;
  virtual void take_port(int port) = 0;
  virtual void give_port_back(int port) = 0;

  const int target_port = free_port();
};

class SimTcp final : public TcpWorld {
 public:
  EdgeWorld& world() override { return world_; }
  RouteBackend replica(int deployment, int ordinal = 0) override {
    return world_.replica(deployment, ordinal);
  }
  Ids answering(int port) override {
    Ids ids;
    for (const auto& key : world_.edge().receivers(port)) ids.insert(key.id());
    return ids;
  }
  void open(int port, const ReplicaKey& key) override {
    world_.open_stream("", key);
    port_ = port;
  }
  bool open_ones_live() override { return world_.edge().live().ports().contains(port_); }
  void close_all() override { world_.close_sessions(); }
  void take_port(int port) override { world_.edge().take_port(port); }
  void give_port_back(int port) override { world_.edge().give_port_back(port); }

 private:
  SimWorld world_;
  int port_ = 0;
};

class HaproxyTcp final : public TcpWorld {
 public:
  EdgeWorld& world() override { return world_; }
  RouteBackend replica(int deployment, int ordinal = 0) override {
    const auto key = replica_key(deployment, ordinal);
    const std::string host =
        "127.0." + std::to_string(deployment) + "." + std::to_string(ordinal + 1);
    auto& server = servers_[key];
    if (!server) server = std::make_unique<TcpEcho>(host, target_port, key.id());
    return {key, {host, 9}, false};
  }
  Ids answering(int port) override {
    Ids ids;
    for (int i = 0; i < 12; ++i) {
      EchoClient client(port);
      if (!client.name().empty() && client.echoes("ping")) ids.insert(client.name());
    }
    return ids;
  }
  void open(int port, const ReplicaKey& key) override {
    for (int i = 0; i < 20; ++i) {
      open_.push_back(std::make_unique<EchoClient>(port));
      if (open_.back()->name() == key.id()) return;
      open_.pop_back();
    }
    ADD_FAILURE() << "no connection reached " << key.id();
  }
  bool open_ones_live() override {
    return std::all_of(open_.begin(), open_.end(),
                       [](auto& client) { return client->echoes("still there?"); });
  }
  void close_all() override { open_.clear(); }
  void take_port(int port) override { taken_ = listen_on(port); }
  void give_port_back(int) override { ::close(taken_); }
  HaproxyWorld& proxy() { return world_; }

 private:
  std::map<ReplicaKey, std::unique_ptr<TcpEcho>> servers_;
  HaproxyWorld world_;  // ends before the servers do
  std::vector<std::unique_ptr<EchoClient>> open_;
  int taken_ = -1;
};

class EdgeTcp : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "Sim")
      tcp_ = std::make_unique<SimTcp>();
    else
      tcp_ = std::make_unique<HaproxyTcp>();
    const auto started = edge().start();
    ASSERT_TRUE(started.ok()) << started.error().detail;
  }
  Edge& edge() { return tcp_->world().edge(); }
  Route with_port(int instance, std::vector<RouteBackend> backends, int port,
                  std::vector<std::string> hosts = {}) {
    Route made = route(instance, std::move(hosts), std::move(backends));
    made.tcp_proxy = TcpProxy{port, tcp_->target_port};
    return made;
  }
  void apply(const std::vector<Route>& changes) {
    const auto applied = edge().apply(changes);
    ASSERT_TRUE(applied.ok()) << applied.error().detail;
  }
  std::string refusal(const std::vector<Route>& changes) {
    const auto applied = edge().apply(changes);
    return applied.ok() ? "" : applied.error().reason;
  }
  std::string drained(const ReplicaKey& key, const DrainDeadlines& deadlines) {
    const auto proof = edge().drained(key, kNow, deadlines);
    return proof ? "proof" : proof.error().reason;
  }
  bool at_rest() {
    const auto repaired = edge().supervise();
    return repaired.ok() && !*repaired;
  }
  std::unique_ptr<TcpWorld> tcp_;
  const int port_ = free_port(), other_port_ = free_port();
};

TEST_P(EdgeTcp, ConnectionsMeetTheReplicasOfTheirPort) {
  const auto a = tcp_->replica(1, 0), b = tcp_->replica(1, 1), c = tcp_->replica(2);
  EXPECT_EQ(tcp_->answering(port_), Ids{});
  apply({with_port(1, {a, b}, port_), with_port(2, {c}, other_port_)});
  EXPECT_EQ(tcp_->answering(port_), (Ids{a.key.id(), b.key.id()}));
  EXPECT_EQ(tcp_->answering(other_port_), Ids{c.key.id()});
  EXPECT_TRUE(at_rest());
  apply({with_port(1, {b}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{b.key.id()});
  apply({with_port(1, {}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{}) << "nobody is there, but the port stays";
  EXPECT_EQ(edge().table().size(), 2u);
  apply({with_port(1, {a}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()});
  EXPECT_TRUE(at_rest());
}

TEST_P(EdgeTcp, HostsAndAPortBesideEachOther) {
  const auto a = tcp_->replica(1);
  apply({with_port(1, {a}, port_, {"one.test"})});
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()});
  EXPECT_NE(tcp_->world().status("one.test"), 404);
  apply({route(1, {"one.test"}, {a})});
  EXPECT_EQ(tcp_->answering(port_), Ids{});
  EXPECT_NE(tcp_->world().status("one.test"), 404);
  EXPECT_TRUE(at_rest());
}

TEST_P(EdgeTcp, ADrainCutsNoConnectionBeforeItsDeadline) {
  const auto old = tcp_->replica(1), fresh = tcp_->replica(2);
  apply({with_port(1, {old}, port_)});
  tcp_->open(port_, old.key);
  EXPECT_EQ(drained(old.key, {kLater, kLater}), "still_routed");
  apply({with_port(1, {draining(old), fresh}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{fresh.key.id()});
  EXPECT_TRUE(tcp_->open_ones_live());
  EXPECT_EQ(drained(old.key, {kLater, kLater}), "sessions_left");
  EXPECT_EQ(drained(old.key, {kNow, kLater}), "sessions_left") << "it has a stream's time";
  EXPECT_EQ(drained(old.key, {kNow, kNow}), "proof");
  apply({with_port(1, {draining(old), fresh}, port_), with_port(2, {}, other_port_)});
  EXPECT_TRUE(tcp_->open_ones_live()) << "after a reload";
  EXPECT_EQ(drained(old.key, {kNow, kLater}), "sessions_left") << "of the worker before";
  tcp_->close_all();
  for (int i = 0; i < 300 && drained(old.key, {kLater, kLater}) != "proof"; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(drained(old.key, {kLater, kLater}), "proof");
}

TEST_P(EdgeTcp, APortThatIsTakenAwayEndsItsConnections) {
  const auto a = tcp_->replica(1), b = tcp_->replica(2);
  apply({with_port(1, {a}, port_), with_port(2, {b}, other_port_)});
  tcp_->open(port_, a.key);
  apply({route(1, {}, {})});
  for (int i = 0; i < 300 && tcp_->open_ones_live(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(tcp_->open_ones_live());
  EXPECT_EQ(tcp_->answering(port_), Ids{});
  EXPECT_EQ(tcp_->answering(other_port_), Ids{b.key.id()});
  EXPECT_EQ(drained(a.key, {kLater, kLater}), "proof");
  EXPECT_EQ(edge().table().size(), 1u);
}

TEST_P(EdgeTcp, APortMovesBetweenInstances) {
  const auto a = tcp_->replica(1), b = tcp_->replica(2);
  apply({with_port(1, {a}, port_)});
  apply({with_port(2, {b}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{b.key.id()});
  ASSERT_EQ(edge().table().size(), 1u) << "without hosts and port there is no route";
  apply({with_port(1, {a}, port_), with_port(2, {b}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()}) << "who did not have it wins";
  apply({with_port(1, {a}, other_port_), with_port(2, {b}, port_)});
  EXPECT_EQ(tcp_->answering(port_), Ids{b.key.id()});
  EXPECT_EQ(tcp_->answering(other_port_), Ids{a.key.id()});
  const int third = free_port();
  EXPECT_EQ(refusal({with_port(3, {}, third), with_port(4, {}, third)}), "port_taken");
  EXPECT_TRUE(at_rest());
}

TEST_P(EdgeTcp, APortThatCannotBeHadIsNobodyElsesTrouble) {
  const auto a = tcp_->replica(1), b = tcp_->replica(2);
  tcp_->take_port(port_);
  apply({with_port(1, {a}, port_), with_port(2, {b}, other_port_, {"two.test"})});
  EXPECT_EQ(tcp_->answering(other_port_), Ids{b.key.id()});
  EXPECT_NE(tcp_->world().status("two.test"), 404);
  ASSERT_EQ(edge().closed_ports().size(), 1u);
  const ClosedPort closed = edge().closed_ports().front();
  EXPECT_EQ(closed.instance_id, instance_id(1));
  EXPECT_EQ(closed.port, port_);
  EXPECT_EQ(closed.error.reason, "port_in_use");
  EXPECT_TRUE(at_rest());
  EXPECT_EQ(edge().closed_ports().size(), 1u);
  apply({with_port(2, {}, other_port_, {"two.test"})});
  EXPECT_EQ(edge().closed_ports().size(), 1u);
  tcp_->give_port_back(port_);
  for (int i = 0; i < 150 && !edge().closed_ports().empty(); ++i) {
    ASSERT_TRUE(edge().supervise().ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(edge().closed_ports().empty());
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()});
}

TEST_P(EdgeTcp, PortsOutliveDaemonAndProxy) {
  const auto a = tcp_->replica(1), b = tcp_->replica(2);
  apply({with_port(1, {a}, port_), with_port(2, {draining(b)}, other_port_, {"two.test"})});
  const auto before = edge().table();
  tcp_->open(port_, a.key);
  tcp_->world().restart_daemon();
  EXPECT_EQ(edge().table(), before);
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()});
  EXPECT_TRUE(tcp_->open_ones_live()) << "no reload was needed";
  EXPECT_TRUE(at_rest());
  tcp_->world().kill_proxy();
  ASSERT_TRUE(edge().supervise().ok());
  EXPECT_TRUE(edge().closed_ports().empty());
  EXPECT_EQ(tcp_->answering(port_), Ids{a.key.id()});
  EXPECT_EQ(tcp_->answering(other_port_), Ids{});
  EXPECT_TRUE(at_rest());
}

TEST_P(EdgeTcp, RefusesPortsThatAreNone) {
  auto bad = with_port(1, {}, 0);
  EXPECT_EQ(refusal({bad}), "port_invalid");
  bad.tcp_proxy = TcpProxy{65536, 80};
  EXPECT_EQ(refusal({bad}), "port_invalid");
  bad.tcp_proxy = TcpProxy{port_, 0};
  EXPECT_EQ(refusal({bad}), "port_invalid");
  EXPECT_TRUE(edge().table().empty());
}

INSTANTIATE_TEST_SUITE_P(Edge, EdgeTcp, ::testing::Values("Sim", "Haproxy"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(EdgeTcpHaproxy, ManyBytesBothWaysAndOnlyReplicasNeedNoReload) {
  HaproxyTcp tcp;
  Edge& edge = tcp.world().edge();
  ASSERT_TRUE(edge.start().ok());
  const int port = free_port();
  auto one = route(1, {}, {tcp.replica(1)});
  one.tcp_proxy = TcpProxy{port, tcp.target_port};
  ASSERT_TRUE(edge.apply({one}).ok());
  const auto worker = tcp.proxy().worker_pid();
  std::string bytes(16 << 20, '\0');
  std::mt19937 random(7);
  for (char& c : bytes) c = static_cast<char>(random());
  EchoClient client(port);
  EXPECT_TRUE(client.echoes(bytes));
  one.backends.push_back(tcp.replica(1, 1));
  ASSERT_TRUE(edge.apply({one}).ok());
  one.backends.front().draining = true;
  ASSERT_TRUE(edge.apply({one}).ok());
  EXPECT_EQ(tcp.proxy().worker_pid(), worker);
  EXPECT_TRUE(client.echoes("still there?"));
  EXPECT_EQ(edge.load()->front().sessions, 1);
  one.tcp_proxy->port = free_port();
  ASSERT_TRUE(edge.apply({one}).ok());
  EXPECT_NE(tcp.proxy().worker_pid(), worker);
}

}  // namespace
}  // namespace gantry
