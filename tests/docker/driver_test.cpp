// What only a real engine shows: limits, bytes of variables, names on the network, memory, lost
// replies.
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runtime/docker/docker.hpp"
#include "tests/docker/cutting_proxy.hpp"
#include "tests/support/driver_bench.hpp"

namespace gantry::testing {
namespace {

Container started(DockerBench& bench, const ContainerSpec& spec) {
  auto container = bench.driver().start(spec);
  EXPECT_TRUE(container.ok()) << (container ? "" : container.error().detail);
  return container ? *container : Container{};
}

// What the kernel was told, in the container's own cgroup.
std::string cgroup_file(const std::string& id, const std::string& controller, const std::string& v1,
                        const std::string& v2) {
  const std::filesystem::path old = "/sys/fs/cgroup/" + controller + "/docker/" + id + "/" + v1;
  std::vector<std::filesystem::path> candidates = {
      old, "/sys/fs/cgroup/docker/" + id + "/" + v2,
      "/sys/fs/cgroup/system.slice/docker-" + id + ".scope/" + v2};
  for (const auto& path : candidates) {
    std::ifstream file(path);
    std::string line;
    if (std::getline(file, line)) return line;
  }
  return "no cgroup file of " + id;
}

TEST(DockerDriver, LimitsReachTheKernel) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.cpu_millicores = 500;
  spec.memory_bytes = 64LL * 1024 * 1024;
  spec.pids_limit = 77;
  const std::string id = started(bench, spec).container_id;
  const std::string quota = cgroup_file(id, "cpu", "cpu.cfs_quota_us", "cpu.max");
  EXPECT_TRUE(quota == "50000" || quota == "50000 100000") << quota;
  EXPECT_EQ(cgroup_file(id, "memory", "memory.limit_in_bytes", "memory.max"), "67108864");
  EXPECT_EQ(cgroup_file(id, "pids", "pids.max", "pids.max"), "77");
  const auto host =
      nlohmann::json::parse(bench.engine("GET", "/containers/" + id + "/json"))["HostConfig"];
  EXPECT_EQ(host["MemorySwap"], 67108864);
  EXPECT_EQ(host["Init"], true);
  EXPECT_EQ(host["SecurityOpt"][0], "no-new-privileges:true");
  EXPECT_EQ(host["CapDrop"][0], "NET_RAW");
  EXPECT_EQ(host["RestartPolicy"]["Name"], "no");
  EXPECT_EQ(host["LogConfig"]["Config"]["max-size"], "1m");
}

std::string hostile_value(std::mt19937& random, std::size_t length) {
  static const std::vector<std::string> pieces = {"\n",  "\"",  "'",  "$",    "${X}", "=",    "\\",
                                                  "\\n", " ",   "\t", "😀",    "é",    "`id`", "a",
                                                  "\r",  "%41", "{{", "\x01", "\x7f", "#",    "&"};
  std::string value;
  while (value.size() < length) value += pieces[random() % pieces.size()];
  return value;
}

TEST(DockerDriver, VariablesArriveByteByByte) {
  DockerBench bench;
  std::mt19937 random(20261122);
  ContainerSpec spec = bench.spec();
  spec.variables["EMPTY"] = "";
  spec.variables["LARGE"] = hostile_value(random, 100 * 1024);
  for (int i = 0; i < 60; ++i)
    spec.variables["V" + std::to_string(i)] = hostile_value(random, random() % 200);
  const Container container = started(bench, spec);
  const std::string environ = body_of(http_get(*container.address, "/env"));
  std::map<std::string, std::string> seen;
  for (std::size_t at = 0; at < environ.size();) {
    const std::string entry = environ.c_str() + at;
    seen[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
    at += entry.size() + 1;
  }
  for (const auto& [name, value] : spec.variables) EXPECT_TRUE(seen[name] == value) << name;
  EXPECT_EQ(seen["PORT"], "8080");
}

TEST(DockerDriver, KeepsAPortVariableThatIsSet) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.port_mode = PortMode::fixed;
  spec.port = 9000;
  spec.variables["PORT"] = "9000";
  EXPECT_NE(http_get(*started(bench, spec).address, "/env").find("PORT=9000"), std::string::npos);
}

TEST(DockerDriver, ServicesFindEachOtherByName) {
  DockerBench bench;
  ContainerSpec api = bench.spec();
  api.service = "api";
  started(bench, api);
  ContainerSpec client = bench.spec();
  client.service = "client";
  client.port_mode = PortMode::none;
  client.command = {
      "/bin/sh", "-c",
      "wget -qO- http://api:8080/ && wget -qO- http://api.railway.internal:8080/; sleep 60"};
  started(bench, client);
  const std::string answer = "replica=" + api.key.id();
  EXPECT_TRUE(eventually([&] {
    const auto lines = bench.log_lines(client.key);
    return lines.size() == 2 && lines[0].text.starts_with(answer) &&
           lines[1].text.starts_with(answer);
  }));
}

TEST(DockerDriver, SaysThatMemoryRanOut) {
  DockerBench bench;
  ContainerSpec spec = bench.spec();
  spec.memory_bytes = 32LL * 1024 * 1024;
  http_get(*started(bench, spec).address, "/eat/100");
  ASSERT_TRUE(eventually([&] { return bench.driver().list()->front().exit.has_value(); }));
  const Container ended = bench.driver().list()->front();
  EXPECT_TRUE(ended.exit->out_of_memory);
  EXPECT_EQ(ended.exit->code, 137);
}

TEST(DockerDriver, StopsGentlyThenHard) {
  DockerBench bench;
  ContainerSpec gentle = bench.spec();
  const Container container = started(bench, gentle);
  http_get(*container.address, "/");
  std::string reply;
  std::thread request([&] { reply = http_get(*container.address, "/sleep/700"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_TRUE(bench.stop(gentle.key).ok());
  request.join();
  EXPECT_NE(reply.find("slept"), std::string::npos) << "what was in flight is answered";
  EXPECT_EQ(bench.driver().list()->front().exit->code, 0);
  ContainerSpec deaf = bench.spec();
  deaf.command = {"/bin/sh", "-c", "trap '' TERM; while true; do sleep 1; done"};
  started(bench, deaf);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(bench.driver().stop(deaf.key, Seconds(1), ProofForTests::make(deaf.key)).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST(DockerDriver, ALostReplyMakesNoSecondContainer) {
  for (const char* cut : {"/containers/create", "/start"}) {
    CuttingProxy proxy(test_engine_socket());
    DockerBench bench(proxy.socket());
    const ContainerSpec spec = bench.spec();
    proxy.cut_reply_to(cut);
    auto container = bench.driver().start(spec);
    for (int i = 0; !container && i < 3; ++i) {
      EXPECT_EQ(container.error().reason, "engine_unavailable");
      container = bench.driver().start(spec);
    }
    ASSERT_TRUE(container.ok()) << container.error().detail;
    EXPECT_EQ(proxy.cuts(), 1) << cut;
    EXPECT_EQ(container->state, ContainerState::running);
    EXPECT_EQ(bench.driver().list()->size(), 1u) << cut;
  }
}

TEST(DockerDriver, WatchersHearOfALostEngine) {
  using Kind = EngineEvent::Kind;
  CuttingProxy proxy(test_engine_socket());
  DockerBench bench(proxy.socket());
  std::atomic<int> lost = 0, back = 0;
  std::jthread watcher([&](const std::stop_token& stop) {
    bench.driver().watch(
        [&](const EngineEvent& event) {
          if (event.kind == Kind::engine_lost) ++lost;
          if (event.kind == Kind::engine_back) ++back;
        },
        stop);
  });
  EXPECT_TRUE(eventually([&] { return back == 1; }));
  proxy.drop_all();
  EXPECT_TRUE(eventually([&] { return lost == 1 && back == 2; }));
}

TEST(DockerDriver, AnAbsentEngineIsUnavailable) {
  const std::string directory = std::filesystem::temp_directory_path();
  const auto logs = make_file_logs({.directory = directory});
  DockerOptions options;
  options.socket_path = "/no/such/engine.sock";
  options.installation_id = InstallationId::make(system_clock().now());
  options.logs = logs.get();
  const auto driver = make_docker_driver(options);
  const auto listed = driver->list();
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::unavailable);
  EXPECT_EQ(listed.error().reason, "engine_unavailable");
  EXPECT_NE(listed.error().detail.find("/no/such/engine.sock"), std::string::npos);
  EXPECT_FALSE(driver->ping());
  std::jthread watcher(
      [&](const std::stop_token& stop) { driver->watch([](const EngineEvent&) {}, stop); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  watcher.request_stop();
}

TEST(DockerDriver, ASilentEngineTimesOut) {
  CuttingProxy proxy(test_engine_socket());
  proxy.be_silent();
  const auto logs = make_file_logs({.directory = std::filesystem::temp_directory_path()});
  DockerOptions options;
  options.socket_path = proxy.socket();
  options.installation_id = InstallationId::make(system_clock().now());
  options.logs = logs.get();
  options.call_timeout = Seconds(1);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(make_docker_driver(options)->ping().error().reason, "engine_unavailable");
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(7));
}

TEST(DockerDriver, StartsManyAtOnce) {
  DockerBench bench;
  std::vector<ContainerSpec> specs;
  for (int i = 0; i < 6; ++i) specs.push_back(bench.spec());
  std::atomic<int> running = 0;
  {
    std::vector<std::jthread> threads;
    for (const ContainerSpec& spec : specs)
      threads.emplace_back([&] {
        auto container = bench.driver().start(spec);
        if (container && container->address) ++running;
      });
  }
  EXPECT_EQ(running, 6);
  EXPECT_EQ(bench.driver().list()->size(), 6u);
  EXPECT_EQ(bench.driver().networks()->size(), 1u);
}

}  // namespace
}  // namespace gantry::testing
