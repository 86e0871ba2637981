// The long form of the rollouts' tests, with figures: tests/bench/rollouts runs it. How often each
// is done comes from the environment; rows go to the file that GANTRY_ROLLOUTS_TSV names.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/e2e/rollout_stage.hpp"
#include "tests/support/private_engine.hpp"
#include "tests/support/slow_socket.hpp"

namespace gantry::testing {
namespace {

using Clock = std::chrono::steady_clock;
using Figures = std::vector<double>;

int times(const char* variable, int fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::atoi(text);
}

void row(const std::string& name, const std::string& value) {
  const char* file = std::getenv("GANTRY_ROLLOUTS_TSV");
  std::printf("%s\t%s\n", name.c_str(), value.c_str());
  if (file != nullptr) std::ofstream(file, std::ios::app) << name << "\t" << value << "\n";
}

double quantile(Figures figures, double q) {
  if (figures.empty()) return 0;
  std::sort(figures.begin(), figures.end());
  return figures[static_cast<std::size_t>(q * static_cast<double>(figures.size() - 1))];
}

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::string spread(const Figures& figures) {
  return fmt::format("{:.0f} / {:.0f} / {:.0f} ms", quantile(figures, 0.5), quantile(figures, 0.95),
                     quantile(figures, 1));
}

// A part of the run: what its visitors saw becomes a row.
class Part {
 public:
  Part(RolloutStage& stage, std::string name) : name_(std::move(name)), load_(stage.load()) {
    pause(1);
    load_.take(name_ + ", steady");
  }
  void rollout(const std::string& ended, Clock::time_point begin) {
    took_.push_back(milliseconds_since(begin));
    if (!ended.starts_with("SUCCESS")) ++unsuccessful_, last_ = ended;
  }
  void promoted(double ms) { promotions_.push_back(ms); }
  void end() {
    const LoadReport report = load_.take(name_);
    row(name_, fmt::format("{} rollouts, {} not SUCCESS; {} requests, {} failed; {} WebSockets to "
                           "their end; p50 {:.1f} ms, p99 {:.1f} ms",
                           took_.size(), unsuccessful_, report.sent, report.failed(),
                           report.sockets_ended, report.percentile(0.5), report.percentile(0.99)));
    row(name_ + ": deployment to SUCCESS, p50 / p95 / worst", spread(took_));
    if (!promotions_.empty())
      row(name_ + ": promotion to all the traffic, p50 / p95 / worst", spread(promotions_));
    EXPECT_EQ(report.failed(), 0) << report.reasons();
    EXPECT_EQ(unsuccessful_, 0) << last_;
  }

 private:
  const std::string name_;
  Load load_;
  Figures took_, promotions_;
  int unsuccessful_ = 0;
  std::string last_;
};

bool is_waiting(const Json& seen) {
  return seen.contains("rollout") && seen["rollout"].value("waiting", false);
}

// At most three generations of containers at once: old ones stay until their WebSockets end.
void let_drain(RolloutStage& stage) {
  within(60, [&] { return stage.gantry.containers(stage.path).size() <= 6; });
}

void roll(RolloutStage& stage, Part& part, const Json& rollout) {
  const auto begin = Clock::now();
  part.rollout(stage.gantry.settled(stage.next(rollout), 180), begin);
  let_drain(stage);
}

void switch_colours(RolloutStage& stage, Part& part) {
  const auto begin = Clock::now();
  const std::string green = stage.next({{"strategy", "BLUE_GREEN"}, {"keep_seconds", 0}});
  EXPECT_TRUE(stage.reaches(green, is_waiting));
  part.promoted(stage.promote(green, stage.version()));
  part.rollout(stage.gantry.settled(green), begin);
  let_drain(stage);
}

const Json kCanary = {{"strategy", "CANARY"}, {"interval_seconds", 2}, {"min_requests", 20}};

TEST(DISABLED_BenchRollouts, UnderLoad) {
  RolloutStage stage;
  {
    Part part(stage, "rolling");
    for (int i = 0; i < times("ROLLING", 100); ++i)
      roll(stage, part, {{"max_surge_percent", i % 2 == 0 ? 100 : 50}});
    part.end();
  }
  {
    Part part(stage, "blue-green");
    for (int i = 0; i < times("BLUE_GREEN", 20); ++i) switch_colours(stage, part);
    part.end();
  }
  {
    Part part(stage, "canary 10, 50, 100 %");
    for (int i = 0; i < times("CANARY", 20); ++i) roll(stage, part, kCanary);
    part.end();
  }
}

TEST(DISABLED_BenchRollouts, DaemonKilled) {
  RolloutStage stage;
  Part part(stage, "daemon killed");
  for (int i = 0; i < times("KILLED", 50); ++i) {
    const auto begin = Clock::now();
    const std::string deployment = stage.kill_at(static_cast<KillPoint>(i % 5));
    part.rollout(stage.gantry.settled(deployment), begin);
    let_drain(stage);
  }
  part.end();
}

// What the daemon says to the proxy arrives late for a while, and then in time again: nothing is
// lost, and each rollout ends. Ten seconds are as long as it waits for an answer.
TEST(DISABLED_BenchRollouts, ProxySocketDelayed) {
  RolloutStage stage;
  SlowSocket slow(stage.gantry.directory + "/data/edge/run/worker.sock");
  stage.gantry.kill();  // so that it connects anew
  stage.gantry.start();
  const int seconds = times("DELAY_SECONDS", 10);
  const std::string name = fmt::format("proxy's socket {} s late for {} s", seconds, 3 * seconds);
  Part part(stage, name);
  for (int i = 0; i < times("DELAYED", 10); ++i) {
    const auto begin = Clock::now();
    slow.delay(std::chrono::seconds(seconds));
    const std::string deployment = stage.next(i % 2 == 0 ? Json::object() : kCanary);
    pause(3.0 * seconds);
    slow.delay(std::chrono::milliseconds(0));
    part.rollout(stage.gantry.settled(deployment, 120), begin);
    let_drain(stage);
  }
  part.end();
  EXPECT_GT(slow.held_bytes(), 0) << "nothing was said through the relay";
  row(name + ": sessions, bytes held back, relay still in place",
      fmt::format("{}, {}, {}", slow.sessions(), slow.held_bytes(), slow.in_place()));
}

// ---- beside Swarm, on an engine of this test's own ----

class Swarm {
 public:
  explicit Swarm(Gantry& gantry) : gantry_(gantry) {
    docker("swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377");
    docker(
        "service create -q --detach --name bench --replicas 1 --endpoint-mode dnsrr "
        "--no-resolve-image --restart-delay 0s --publish mode=host,target=8080 --limit-cpu 0.5 "
        "--limit-memory 64m --limit-pids 64 --init gantry-test/web:1");
    answering(1);
  }
  ~Swarm() {
    docker("service rm bench");
    docker("swarm leave --force");
    docker("network rm docker_gwbridge");
  }
  void docker(const std::string& words) const {
    const std::string line = "DOCKER_HOST=unix://" + gantry_.settings.engine_socket +
                             " /usr/bin/docker " + words + " >/dev/null 2>&1";
    if (std::system(line.c_str()) != 0) std::printf("refused: docker %s\n", words.c_str());
  }
  std::set<int> ports() const {
    std::set<int> found;
    const Json tasks = Json::parse(
        gantry_.engine("GET", "/tasks?filters=%7B%22service%22%3A%5B%22bench%22%5D%7D").body,
        nullptr, false);
    if (!tasks.is_array()) return found;
    for (const Json& task : tasks) {
      const Json& status = task["Status"];
      if (status.value("State", "") != "running" || !status.contains("PortStatus")) continue;
      for (const Json& port : status["PortStatus"].value("Ports", Json::array()))
        found.insert(port.value("PublishedPort", 0));
    }
    return found;
  }
  // Until so many tasks, and no others, have answered.
  void answering(int count) const {
    EXPECT_TRUE(within(180, [&] {
      const auto all = ports();
      return static_cast<int>(all.size()) == count &&
             std::all_of(all.begin(), all.end(), [](int port) {
               return http_call(port, {.timeout_ms = 1000}).status == 200;
             });
    }));
  }
  std::string container() const {
    const Json list = Json::parse(
        gantry_
            .engine("GET",
                    "/containers/json?filters=%7B%22label%22%3A%5B%22com.docker.swarm.service.name%"
                    "3Dbench%22%5D%7D")
            .body,
        nullptr, false);
    return list.is_array() && !list.empty() ? list[0]["Id"].get<std::string>() : "";
  }

 private:
  Gantry& gantry_;
};

void scale_ours(RolloutStage& stage, const std::string& path, int replicas) {
  const std::string host = stage.gantry.host(path);
  EXPECT_EQ(stage.gantry.api("POST", path + "/scale", {{"replicas", replicas}}).status, 202);
  std::set<std::string> answered;
  EXPECT_TRUE(within(180, [&] {
    for (int i = 0; i < replicas; ++i)
      answered.insert(http_call(stage.gantry.edge_port, {.host = host, .timeout_ms = 2000}).body);
    return static_cast<int>(answered.size()) >= replicas;
  })) << answered.size();
}

// SIGKILL to its first process, until somebody answers again.
double replace(Gantry& gantry, const std::string& container, const std::function<bool()>& answers) {
  const Json facts =
      Json::parse(gantry.engine("GET", "/containers/" + container + "/json").body, nullptr, false);
  if (!facts.contains("State")) return -1;
  const int pid = facts["State"].value("Pid", 0);
  if (pid < 2) return -1;
  const auto begin = Clock::now();
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(within(60, answers));
  return milliseconds_since(begin);
}

// A container that has not crashed yet: each crash makes the next restart wait longer.
std::string fresh_container(RolloutStage& stage) {
  Gantry& gantry = stage.gantry;
  const std::string before = gantry.containers(stage.path).at(0).id;
  EXPECT_EQ(gantry.api("POST", stage.path + "/restart").status, 202);
  std::string now;
  EXPECT_TRUE(within(30, [&] {
    const auto all = gantry.containers(stage.path);
    if (all.size() == 1) now = all[0].id;
    return !now.empty() && now != before;
  }));
  EXPECT_TRUE(gantry.converged(stage.path, 1));
  return now;
}

TEST(DISABLED_BenchRollouts, BesideSwarm) {
  const PrivateEngine engine;
  RolloutStage stage({.engine_socket = engine.socket()}, 1);
  Gantry& gantry = stage.gantry;
  const int many = times("SCALED", 50);
  Figures ours, theirs, ours_killed, theirs_killed;
  {
    Swarm swarm(gantry);
    for (int i = 0; i < times("SCALE_ROUNDS", 3); ++i) {
      auto begin = Clock::now();
      scale_ours(stage, stage.path, many);
      ours.push_back(milliseconds_since(begin));
      EXPECT_EQ(gantry.api("POST", stage.path + "/scale", {{"replicas", 1}}).status, 202);
      EXPECT_TRUE(gantry.converged(stage.path, 1, 180));
      begin = Clock::now();
      swarm.docker("service scale -d bench=" + std::to_string(many));
      swarm.answering(many);
      theirs.push_back(milliseconds_since(begin));
      swarm.docker("service scale -d bench=1");
      swarm.answering(1);
    }
    for (int i = 0; i < times("KILL_ROUNDS", 7); ++i) {
      const std::string container = fresh_container(stage);
      pause(2);
      ours_killed.push_back(replace(gantry, container, [&] {
        return http_call(gantry.edge_port, {.host = gantry.host(stage.path), .timeout_ms = 500})
                   .status == 200;
      }));
      pause(2);
      const auto before = swarm.ports();
      theirs_killed.push_back(replace(gantry, swarm.container(), [&] {
        const auto now = swarm.ports();
        return !now.empty() && now != before &&
               http_call(*now.begin(), {.timeout_ms = 500}).status == 200;
      }));
    }
  }
  row(fmt::format("scale 1 to {}, all answer: ours / docker service scale", many),
      fmt::format("{:.0f} ms / {:.0f} ms", quantile(ours, 0.5), quantile(theirs, 0.5)));
  row("killed replica answers again: ours / Swarm's, restart delay 0",
      fmt::format("{:.0f} ms / {:.0f} ms", quantile(ours_killed, 0.5),
                  quantile(theirs_killed, 0.5)));
}

}  // namespace
}  // namespace gantry::testing
