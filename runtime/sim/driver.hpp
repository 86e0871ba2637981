// The Driver port on a SimEngine: one installation's view of it. Many may share an engine; make a
// new one to play a daemon's restart. Every call is synchronous and takes no time.
#pragma once

#include <memory>
#include <vector>

#include "runtime/driver.hpp"
#include "runtime/sim/engine.hpp"

namespace gantry {

class SimDriver final : public Driver {
 public:
  // `engine` outlives this.
  SimDriver(SimEngine& engine, InstallationId installation);

  Result<> pull(std::string_view image) override;
  Result<Container> start(const ContainerSpec&) override;
  Result<> stop(const ReplicaKey&, Seconds grace, const DrainProof&) override;
  Result<> remove(const ReplicaKey&) override;
  Result<ContainerExit> run_once(const RunSpec&, std::stop_token) override;
  Result<> end_run(const DeploymentId&) override;
  Result<std::vector<DeploymentId>> runs() override;
  Result<std::vector<Container>> list() override;
  Result<std::vector<EnvironmentId>> networks() override;
  Result<> remove_network(const EnvironmentId&) override;
  void watch(const std::function<void(const EngineEvent&)>&, std::stop_token) override;
  Result<> ping() override;

  // For simulations on one thread: what a watcher of this driver would have been told since the
  // last call.
  std::vector<EngineEvent> take_events();

  // Under which name a replica's container stands on the engine.
  std::string container_name(const ReplicaKey&) const;

 private:
  Result<> reach(int& counter);
  Result<> check(const ContainerSpec&) const;
  Result<> check_mounts(const ContainerSpec&) const;
  Result<> ensure_network(const NetworkSpec&);
  Result<SimEngine::Entry*> create(const ContainerSpec&);
  void run(SimEngine::Entry&);
  SimEngine::Entry* ours(const ReplicaKey&);
  std::vector<EngineEvent> events_since(std::size_t& seen) const;

  SimEngine& engine_;
  const InstallationId installation_;
  std::size_t seen_ = 0;
};

}  // namespace gantry
