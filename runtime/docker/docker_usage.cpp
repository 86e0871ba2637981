// What containers use: one reading of the engine's counters each time, two of them make a rate.
#include <map>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/engine_client.hpp"

namespace gantry {
namespace docker {
namespace {

class DockerUsage final : public UsageMeter {
 public:
  explicit DockerUsage(const DockerOptions& options)
      : options_(options), client_(make_engine_client(options.socket_path)) {}

  Result<std::vector<ReplicaUsage>> usage(const std::vector<ReplicaKey>& keys,
                                          std::stop_token stop) override {
    std::vector<ReplicaUsage> out;
    std::map<ReplicaKey, UsageReading> seen;
    for (const ReplicaKey& key : keys) {
      if (stop.stop_requested()) return out;
      const auto reply =
          client_->call({.verb = Verb::get,
                         .target = "/containers/" + container_name(options_.installation_id, key) +
                                   "/stats?stream=false&one-shot=true",
                         .timeout = options_.call_timeout});
      if (!reply) return reply.error();
      if (!reply->ok()) continue;  // it is gone meanwhile
      const auto reading = parse_usage(reply->body);
      if (!reading) continue;
      seen[key] = *reading;
      const auto before = before_.find(key);
      const double cpu = before == before_.end() ? 0 : cpu_millicores(before->second, *reading);
      out.push_back({.key = key, .cpu_millicores = cpu, .memory_bytes = reading->memory_bytes});
    }
    for (const auto& [key, reading] : seen) before_[key] = reading;
    return out;
  }

 private:
  const DockerOptions options_;
  std::unique_ptr<EngineClient> client_;
  std::map<ReplicaKey, UsageReading> before_;
};

}  // namespace

double cpu_millicores(const UsageReading& before, const UsageReading& now) {
  const double span = std::chrono::duration<double, std::nano>(now.at - before.at).count();
  if (span <= 0 || now.cpu_nanoseconds < before.cpu_nanoseconds) return 0;
  return (now.cpu_nanoseconds - before.cpu_nanoseconds) / span * 1000;
}

}  // namespace docker

std::unique_ptr<UsageMeter> make_docker_usage(const DockerOptions& options) {
  return std::make_unique<docker::DockerUsage>(options);
}

}  // namespace gantry
