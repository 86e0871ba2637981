// The parts of the Docker driver in one class. Owned by whoever called make_docker_driver; any
// thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "runtime/docker/codec.hpp"
#include "runtime/docker/docker.hpp"
#include "runtime/docker/engine_client.hpp"
#include "runtime/docker/networks.hpp"
#include "runtime/docker/output.hpp"

namespace gantry::docker {

class DockerDriver final : public Driver {
 public:
  explicit DockerDriver(const DockerOptions&);

  Result<> pull(std::string_view image) override;
  Result<Container> start(const ContainerSpec&) override;
  Result<> stop(const ReplicaKey&, Seconds grace, const DrainProof&) override;
  Result<> remove(const ReplicaKey&) override;
  Result<ContainerExit> run_once(const RunSpec&, std::stop_token) override;
  Result<> end_run(const DeploymentId&) override;
  Result<std::vector<DeploymentId>> runs() override;
  Result<std::vector<Container>> list() override;
  Result<std::vector<EnvironmentId>> networks() override { return networks_.list(); }
  Result<> remove_network(const EnvironmentId& id) override { return networks_.remove(id); }
  void watch(const std::function<void(const EngineEvent&)>&, std::stop_token) override;
  Result<> ping() override;

 private:
  struct Created {
    std::string container_id;
    bool runs = false;
  };
  Result<> check_limits(const ContainerSpec&);
  Result<> check_mounts(const ContainerSpec&);
  Result<> check_turn(const RunSpec&);
  Result<Port> port_of(const ContainerSpec&);
  Result<Created> create(const ContainerSpec&, const Port&);
  // What stands under the name: ours is used or makes room, somebody else's is never touched.
  // nullopt: it is gone now, create again.
  Result<std::optional<Created>> take_over(const std::string& name, const std::string& spec_digest);
  Result<> check_program(const std::string& container_id, const std::string& image,
                         const std::vector<std::string>& command);
  Result<> run(const OutputSource&, Output&, const NetworkSpec&);
  Result<RunSeen> begin_run(const RunSpec&);
  Result<std::optional<RunSeen>> inspect_run(const DeploymentId&);

  Result<EngineInfo> info();
  Result<EngineReply> call(Verb, std::string target, std::string body = {});
  Result<EngineReply> call_within(Duration, Verb, std::string target, std::string body = {});
  // nullopt: there is none.
  Result<std::optional<Inspected>> inspect(const std::string& name_or_id);
  Result<std::optional<Container>> inspect_ours(const std::string& name_or_id);
  Error name_taken(const std::string& name) const;

  void remember(const Container&);
  void forget(const std::string& container_id);
  void adopt_output(const Container&);
  // From memory when nothing has changed since; nullopt: it is gone.
  Result<std::optional<Container>> complete(Container listed, const std::string& node);
  void report(const EventSeen&, const std::function<void(const EngineEvent&)>&);

  const DockerOptions options_;
  std::unique_ptr<EngineClient> client_;
  Networks networks_;
  Output output_, run_output_;
  std::mutex mutex_;
  std::optional<EngineInfo> info_;
  std::map<std::string, Container> inspected_;  // by container id
  std::set<DeploymentId> ended_runs_;           // by end_run(), of this process
};

}  // namespace gantry::docker
