// A service on a real installation: replicas that share the work, limits that the kernel keeps, and
// changes under load that nobody notices.
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/support/daemon.hpp"
#include "tests/support/load.hpp"

namespace gantry::testing {
namespace {

const Json kThree = {
    {"replicas", 3},     {"cpu_millicores", 500},         {"memory_bytes", 67108864},
    {"pids_limit", 128}, {"healthcheck_path", "/health"}, {"healthcheck_timeout_seconds", 60}};

class E2eService : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    gantry = new Gantry;
    gantry->start();
    path = gantry->create("web", kThree);
    first = gantry->settled(gantry->deploy(path));
  }
  static void TearDownTestSuite() { delete std::exchange(gantry, nullptr); }
  void SetUp() override { ASSERT_EQ(first, "SUCCESS") << gantry->state_of(path); }

  static inline Gantry* gantry = nullptr;
  static inline std::string path, first;
};

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// From /proc/PID/cgroup: the directory of a version 1 controller, or the only one of version 2.
std::string cgroup_of(int pid, const std::string& controller) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cgroup");
  std::string unified;
  for (std::string line; std::getline(in, line);) {
    std::istringstream parts(line);
    std::string number, names, place;
    std::getline(parts, number, ':');
    std::getline(parts, names, ':');
    std::getline(parts, place);
    if (("," + names + ",").find("," + controller + ",") != std::string::npos)
      return "/sys/fs/cgroup/" + controller + place;
    if (names.empty()) unified = "/sys/fs/cgroup" + place;
  }
  return unified;
}

TEST_F(E2eService, ThreeReplicasShareTheWork) {
  ASSERT_TRUE(gantry->converged(path, 3)) << gantry->state_of(path);
  std::set<std::string> answered;
  for (int i = 0; i < 30; ++i) answered.insert(gantry->edge(path).body);
  EXPECT_EQ(answered.size(), 3u);
  for (const std::string& text : answered) EXPECT_EQ(text.rfind("replica=rep_", 0), 0u) << text;
}

TEST_F(E2eService, KernelKeepsTheLimits) {
  for (const SeenContainer& container : gantry->containers(path)) {
    const Json facts =
        Json::parse(gantry->engine("GET", "/containers/" + container.id + "/json").body);
    const int pid = facts["State"]["Pid"];
    const std::string cpu = cgroup_of(pid, "cpu"), memory = cgroup_of(pid, "memory");
    if (const std::string quota = text_of(cpu + "/cpu.cfs_quota_us"); !quota.empty()) {
      EXPECT_DOUBLE_EQ(std::stod(quota) / std::stod(text_of(cpu + "/cpu.cfs_period_us")), 0.5);
      EXPECT_EQ(text_of(memory + "/memory.limit_in_bytes"), "67108864");
    } else {
      EXPECT_EQ(text_of(cpu + "/cpu.max"), "50000 100000") << cpu;
      EXPECT_EQ(text_of(memory + "/memory.max"), "67108864");
    }
    const Json& host = facts["HostConfig"];
    EXPECT_EQ(host["CapDrop"], Json({"NET_RAW"}));
    EXPECT_EQ(host["SecurityOpt"], Json({"no-new-privileges:true"}));
    EXPECT_EQ(host["Init"], true);
    EXPECT_EQ(host["PidsLimit"], 128);
    EXPECT_EQ(host["RestartPolicy"]["Name"], "no");
    EXPECT_EQ(host["Privileged"], false);
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    const std::string all((std::istreambuf_iterator<char>(status)), {});
    EXPECT_NE(all.find("NoNewPrivs:\t1"), std::string::npos) << all;
  }
}

TEST_F(E2eService, UnknownHostAndNobodyThere) {
  const auto unknown = http_call(gantry->edge_port, {.host = "nobody.e2e.test"});
  EXPECT_EQ(unknown.status, 404);
  EXPECT_FALSE(unknown.header("x-request-id").empty()) << unknown.head;
  const std::string idle = gantry->create("idle", {{"replicas", 0}});
  gantry->settled(gantry->deploy(idle));
  const bool routed = within(10, [&] { return gantry->edge(idle).status == 503; });
  const auto none = gantry->edge(idle);
  EXPECT_TRUE(routed) << none.status << none.head;
  EXPECT_FALSE(none.header("x-request-id").empty()) << none.head;
  EXPECT_FALSE(none.header("retry-after").empty()) << none.head;
}

TEST_F(E2eService, RedeployRestartAndScaleLoseNothing) {
  ASSERT_TRUE(gantry->converged(path, 3));
  Load load(gantry->edge_port, gantry->host(path), 200);
  within(1, [] { return false; });
  EXPECT_EQ(load.take("steady").failed(), 0);

  ASSERT_EQ(gantry->api("PUT", path + "/variables/VERSION", {{"value", "two"}}).status, 201);
  EXPECT_EQ(gantry->settled(gantry->deploy(path, {{"image", "gantry-test/web:2"}})), "SUCCESS");
  EXPECT_TRUE(gantry->converged(path, 3)) << gantry->state_of(path);
  const auto redeploy = load.take("redeploy");
  EXPECT_EQ(redeploy.failed(), 0);
  EXPECT_EQ(redeploy.versions.size(), 2u);
  within(0.5, [] { return false; });
  const auto after = load.take("after the redeploy");
  EXPECT_EQ(after.failed(), 0);
  EXPECT_EQ(after.versions.count("two"), after.versions.size()) << "an old version answered";

  const auto before = gantry->containers(path);
  EXPECT_EQ(gantry->api("POST", path + "/restart").status, 202);
  EXPECT_TRUE(within(40, [&] {
    const auto now = gantry->containers(path);
    for (const auto& one : now)
      for (const auto& old : before)
        if (one.id == old.id) return false;
    return !now.empty();
  }));
  EXPECT_TRUE(gantry->converged(path, 3)) << gantry->state_of(path);
  EXPECT_EQ(load.take("restart").failed(), 0);

  for (const int replicas : {5, 2}) {
    EXPECT_EQ(gantry->api("POST", path + "/scale", {{"replicas", replicas}}).status, 202);
    EXPECT_TRUE(gantry->converged(path, replicas)) << gantry->state_of(path);
    EXPECT_EQ(load.take("scale to " + std::to_string(replicas)).failed(), 0);
  }
  within(1, [] { return false; });
  const auto last = load.take("at the end");
  EXPECT_EQ(last.failed(), 0);
  EXPECT_EQ(last.replicas.size(), 2u);
}

}  // namespace
}  // namespace gantry::testing
