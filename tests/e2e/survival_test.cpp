// What breaks under a service that people use: containers, the daemon, the proxy, the database.
// Load runs all the time; acknowledged writes are counted all the time.
#include <csignal>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"
#include "tests/support/postgres.hpp"

namespace gantry::testing {
namespace {

const Json kThree = {{"replicas", 3}, {"healthcheck_timeout_seconds", 60}};

void pause(double seconds) {
  within(seconds, [] { return false; });
}

// Writes numbered variables for as long as it lives, and remembers those that were acknowledged.
class Writer {
 public:
  Writer(Gantry& gantry, std::string path) : gantry_(gantry), path_(std::move(path)) {}
  ~Writer() { stop(); }
  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  // Each acknowledged variable is there with its value.
  void compare() {
    stop();
    std::map<std::string, std::string> there;
    const Json listed = gantry_.get(path_ + "/variables");
    ASSERT_TRUE(listed.is_object());
    for (const Json& variable : listed["data"]) there[variable["name"]] = variable["value"];
    int lost = 0;
    for (const int n : acknowledged_)
      if (there["W" + std::to_string(n)] != std::to_string(n)) ++lost;
    std::printf("writes acknowledged %zu lost %d (503: %d, no answer: %d)\n", acknowledged_.size(),
                lost, refused_.load(), unanswered_);
    EXPECT_EQ(lost, 0);
    EXPECT_GT(acknowledged_.size(), 10u);
    EXPECT_EQ(others_, 0) << last_;
    EXPECT_EQ(without_retry_after_, 0);
  }
  std::atomic<int> refused_{0};

 private:
  void run(const std::stop_token& stop) {
    for (int n = 0; !stop.stop_requested(); ++n) {
      const auto reply = gantry_.api("PUT", path_ + "/variables/W" + std::to_string(n),
                                     {{"value", std::to_string(n)}});
      if (reply.status == 201 || reply.status == 200) {
        acknowledged_.push_back(n);
      } else if (reply.status == 503) {
        ++refused_;
        if (reply.http.header("retry-after").empty()) ++without_retry_after_;
      } else if (reply.status == 0) {
        ++unanswered_;
      } else {
        ++others_;
        last_ = reply.http.body;
      }
      pause(0.05);
    }
  }
  Gantry& gantry_;
  const std::string path_;
  std::vector<int> acknowledged_;
  int unanswered_ = 0, others_ = 0, without_retry_after_ = 0;
  std::string last_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

// No container that nobody wants.
void expect_whole(Gantry& gantry, const std::string& path) {
  EXPECT_TRUE(gantry.converged(path, 3)) << gantry.state_of(path);
  EXPECT_EQ(gantry.containers().size(), 3u) << gantry.state_of(path);
}

TEST(E2eSurvival, ContainersDaemonAndProxyDie) {
  Gantry gantry;
  gantry.start();
  const std::string path = gantry.create("web", kThree);
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  ASSERT_TRUE(gantry.converged(path, 3));
  Load load(gantry.edge_port, gantry.host(path), 200);
  Writer writer(gantry, path);
  pause(1);
  EXPECT_EQ(load.take("steady").failed(), 0);

  const std::string victim = gantry.containers(path)[0].id;
  EXPECT_EQ(gantry.engine("POST", "/containers/" + victim + "/kill").status, 204);
  pause(2.5);  // longer than a connection may take
  expect_whole(gantry, path);
  const auto killed = load.take("container killed");
  EXPECT_EQ(killed.failed(), 0) << "what it was answering was asked of another";

  const auto before = gantry.containers();
  for (int i = 0; i < 3; ++i) {
    gantry.kill();
    pause(0.7);
    gantry.start();
    pause(1);
  }
  expect_whole(gantry, path);
  EXPECT_EQ(gantry.containers(), before) << "adopted: the same containers, none restarted";
  EXPECT_EQ(load.take("daemon killed three times").failed(), 0);

  for (const bool master : {false, true}) {
    const pid_t pid = master ? gantry.proxy_master() : gantry.proxy_worker();
    ASSERT_GT(pid, 1);
    ::kill(pid, SIGKILL);
    pause(6);
    expect_whole(gantry, path);
    const auto gap = load.take(master ? "proxy's master killed" : "proxy's worker killed");
    EXPECT_LT(gap.span_seconds(), 3) << "the proxy is started again at once";
    pause(1);
    EXPECT_EQ(load.take("after it").failed(), 0);
  }
  EXPECT_EQ(gantry.containers(), before);
  writer.compare();
}

TEST(E2eSurvival, OwnDatabaseDies) {
  Gantry gantry;
  gantry.start();
  const std::string path = gantry.create("web", kThree);
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  ASSERT_TRUE(gantry.converged(path, 3));
  const auto before = gantry.containers();
  Load load(gantry.edge_port, gantry.host(path), 200);
  Writer writer(gantry, path);
  pause(1);
  const pid_t pid = gantry.postgres();
  ASSERT_GT(pid, 1);
  ::kill(pid, SIGKILL);
  pause(0.3);
  EXPECT_TRUE(within(20, [&] {
    return gantry.get("/readyz").is_object() && gantry.postgres() > 1 &&
           gantry.api("GET", "/readyz").status == 200;
  })) << "the database is started again";
  EXPECT_TRUE(within(10, [&] {
    return gantry.api("PUT", path + "/variables/AFTER", {{"value", "1"}}).status / 100 == 2;
  }));
  expect_whole(gantry, path);
  EXPECT_EQ(gantry.containers(), before);
  EXPECT_EQ(load.take("own database killed").failed(), 0);
  writer.compare();
  // It still does new work.
  EXPECT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  expect_whole(gantry, path);
}

TEST(E2eSurvival, ForeignDatabaseIsAwayForTwentySeconds) {
  TemporaryDirectory directory;
  const auto options = postgres_options(directory.path());
  const auto conninfo = start_embedded_postgres(options);
  ASSERT_TRUE(conninfo.ok()) << conninfo.error().detail;
  struct Stop {
    const EmbeddedPostgresOptions& options;
    ~Stop() { (void)stop_embedded_postgres(options, 20); }
  } const stop{options};
  Gantry gantry({.database_url = *conninfo});
  gantry.start();
  const std::string path = gantry.create("web", kThree);
  ASSERT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  ASSERT_TRUE(gantry.converged(path, 3));
  auto before = gantry.containers();
  Load load(gantry.edge_port, gantry.host(path), 200);
  Writer writer(gantry, path);
  pause(1);

  ASSERT_TRUE(stop_embedded_postgres(options, 20).ok());
  int hot = 0, cold_503 = 0, cold = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  bool killed = false;
  while (std::chrono::steady_clock::now() < end) {
    if (gantry.api("GET", path).status == 200) ++hot;
    const auto listed = gantry.api("GET", path + "/deployments");
    ++cold;
    if (listed.status == 503 && !listed.http.header("retry-after").empty()) ++cold_503;
    EXPECT_NE(gantry.api("GET", "/readyz").status, 200);
    EXPECT_EQ(gantry.api("GET", "/livez").status, 200);
    if (!std::exchange(killed, true))  // containers are still looked after
      gantry.engine("POST", "/containers/" + before[0].id + "/kill");
    pause(0.5);
  }
  std::printf("database away: hot GETs answered %d, cold GETs 503 %d of %d\n", hot, cold_503, cold);
  EXPECT_GT(hot, 5);
  EXPECT_EQ(cold_503, cold);
  EXPECT_EQ(load.take("database away 20 s, one container killed").failed(), 0);
  EXPECT_GT(writer.refused_, 0);
  ASSERT_TRUE(start_embedded_postgres(options).ok());
  EXPECT_TRUE(within(20, [&] { return gantry.api("GET", "/readyz").status == 200; }));
  expect_whole(gantry, path);
  pause(1);
  writer.compare();
  EXPECT_EQ(gantry.settled(gantry.deploy(path)), "SUCCESS");
  expect_whole(gantry, path);
  EXPECT_EQ(load.take("database back, deployed").failed(), 0);
}

}  // namespace
}  // namespace gantry::testing
