// How much the driver adds to the engine's own time: start() of N replicas one after the other.
// Compare with `docker run -d` of the same image. Usage: GANTRY_TEST_ENGINE=... start_bench [N]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "runtime/docker/docker.hpp"

namespace {

struct Proof : gantry::DrainProofMaker {
  using DrainProofMaker::make;
};

double milliseconds_of(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

void print(const char* what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-8s median %.1f ms, min %.1f, max %.1f (%zu)\n", what, times[times.size() / 2],
              times.front(), times.back(), times.size());
}

}  // namespace

int main(int argc, char** argv) {
  using namespace gantry;
  const int count = argc > 1 ? std::atoi(argv[1]) : 20;
  const char* socket = std::getenv("GANTRY_TEST_ENGINE");
  const TimePoint now = system_clock().now();
  const std::string directory =
      (std::filesystem::temp_directory_path() / "gantry-start-bench").string();
  const auto logs = make_file_logs({.directory = directory});
  DockerOptions options;
  if (socket != nullptr) options.socket_path = socket;
  options.installation_id = InstallationId::make(now);
  options.logs = logs.get();
  const auto driver = make_docker_driver(options);
  ContainerSpec spec;
  spec.key.deployment_id = DeploymentId::make(now);
  spec.instance_id = InstanceId::make(now);
  spec.environment_id = EnvironmentId::make(now);
  spec.service = "bench";
  spec.image = "gantry-test/web:1";
  spec.cpu_millicores = 500;
  spec.memory_bytes = 64 << 20;
  spec.pids_limit = 64;
  spec.network = {spec.environment_id, "gantry-bench-" + spec.environment_id.str(),
                  "10.251.77.0/24"};
  std::vector<double> starts, lists, stops, removes;
  for (int i = 0; i < count; ++i) {
    spec.key.ordinal = i;
    starts.push_back(milliseconds_of([&] {
      if (auto started = driver->start(spec); !started) std::puts(started.error().detail.c_str());
    }));
  }
  for (int i = 0; i < 5; ++i) lists.push_back(milliseconds_of([&] { (void)driver->list().ok(); }));
  for (int i = 0; i < count; ++i) {
    spec.key.ordinal = i;
    stops.push_back(milliseconds_of(
        [&] { (void)driver->stop(spec.key, Seconds(5), Proof::make(spec.key)).ok(); }));
    removes.push_back(milliseconds_of([&] { (void)driver->remove(spec.key).ok(); }));
  }
  (void)driver->remove_network(spec.environment_id).ok();
  std::filesystem::remove_all(directory);
  print("start", starts);
  print("list", lists);
  print("stop", stops);
  print("remove", removes);
}
