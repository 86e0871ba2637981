// The engine's port. Blocking and idempotent: to start what runs, or stop what is gone, succeeds.
// Called from several runtime threads at once, but never twice at once for one ReplicaKey.
//
// Implementations see only containers and networks that carry this installation's label; everything
// else on the engine is invisible to them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "proto/model.hpp"
#include "proto/result.hpp"

namespace gantry {

struct Address {
  std::string host;
  int port = 0;
  bool operator==(const Address&) const = default;
  auto operator<=>(const Address&) const = default;
  std::string str() const { return host + ":" + std::to_string(port); }
};

// Where a replica's port comes from.
enum class PortMode {
  fixed,      // ContainerSpec::port
  automatic,  // the image's only EXPOSE (then the container's port_mode reads fixed), else
              // ContainerSpec::port, maybe
  none,       // a worker
};

// "gantry-<last 8 of the installation's ulid>-": what every name on the engine begins with.
inline std::string engine_prefix(const InstallationId& installation) {
  return "gantry-" + std::string(installation.ulid().substr(18)) + "-";
}

inline std::string network_name(const InstallationId& installation, const EnvironmentId& id) {
  return engine_prefix(installation) + std::string(id.ulid());
}

struct NetworkSpec {
  EnvironmentId environment_id;
  std::string name;    // network_name()
  std::string subnet;  // "10.192.3.0/24"
};

// A volume in a container.
struct Mount {
  VolumeId volume_id;
  std::string path;   // absolute
  bool made = false;  // it is on the engine already: missing there is an error
  bool operator==(const Mount&) const = default;
};

struct ContainerSpec {
  ReplicaKey key;
  InstanceId instance_id;
  EnvironmentId environment_id;
  std::string service;  // the service's name: aliases "<service>" and "<service>.railway.internal"
  std::string image;
  std::vector<std::string> command;  // empty: the image's own entry point and command
  ResolvedVariables
      variables;           // PORT is added by the driver when absent and the replica has a port
  int cpu_millicores = 0;  // 0: no limit; above the node's cores: Code::invalid "cpu_out_of_range"
  std::int64_t memory_bytes = 0;  // 0: no limit; below 6 MiB: Code::invalid "memory_out_of_range"
  int pids_limit = 0;             // 0: no limit
  PortMode port_mode = PortMode::automatic;
  int port = 8080;
  bool listens = false;  // something will: an automatic port that no EXPOSE names is fixed, too
  std::vector<Mount> mounts = {};
  NetworkSpec network;
};

// A container of its own for one command of a deployment, beside its replicas: no alias, no port.
struct RunSpec {
  DeploymentId deployment_id;
  InstanceId instance_id;
  EnvironmentId environment_id;
  std::string image;
  std::vector<std::string> command;  // never empty
  ResolvedVariables variables;
  int cpu_millicores = 0;  // limits as in ContainerSpec
  std::int64_t memory_bytes = 0;
  int pids_limit = 0;
  NetworkSpec network;
  Seconds deadline{0};  // from its start; then it is killed
};

enum class ContainerState { created, running, exited };

struct ContainerExit {
  int code = 0;
  bool out_of_memory = false;
  TimePoint at{};
};

struct Container {
  ReplicaKey key;
  InstanceId instance_id;
  EnvironmentId environment_id;
  std::string container_id;
  std::string node;  // the engine's host name
  ContainerState state = ContainerState::created;
  PortMode port_mode = PortMode::none;  // automatic: something may listen at `address`
  std::optional<Address> address;       // while running, unless port_mode is none
  std::optional<ContainerExit> exit;    // when exited
  TimePoint started_at{};
  std::vector<VolumeId> volumes = {};  // that it mounts, ascending
};

// Only the edge can make one: it says that a replica has no session left at the edge, or that the
// drain deadline has passed, or that the edge never routed to it.
class DrainProof {
 public:
  const ReplicaKey& key() const { return key_; }

 private:
  friend class DrainProofMaker;  // runtime/edge and runtime/sim
  explicit DrainProof(ReplicaKey key) : key_(std::move(key)) {}
  ReplicaKey key_;
};

class DrainProofMaker {
 protected:
  static DrainProof make(ReplicaKey key) { return DrainProof(std::move(key)); }
};

// What watch() reports. `engine_lost`: the event stream ended; `engine_back`: it is open, the first
// time too: list() anew.
struct EngineEvent {
  enum class Kind { container_changed, container_gone, engine_lost, engine_back };
  Kind kind;
  std::optional<Container> container;     // container_changed
  std::optional<ReplicaKey> key;          // container_gone
  std::optional<InstanceId> instance_id;  // container_gone, when known
  std::string container_id = {};          // container_gone: the next one of this key is another
};

class Driver {
 public:
  virtual ~Driver() = default;

  // Succeeds at once when the image is present. Unknown image: Code::not_found "image_not_found".
  virtual Result<> pull(std::string_view image) = 0;

  // Creates network and container when absent, starts it when it does not run, returns it running
  // (or exited, when it ended at once) with its address. A created or exited container of the same
  // key is started again. Errors: not_found "image_not_found"; invalid "start_failed" (command not
  // found ...), "cpu_out_of_range", "memory_out_of_range", "volume_missing" (a volume of `mounts`
  // is not on the engine: never an empty one in its place); exhausted "network_overlap";
  // unavailable "engine_unavailable".
  virtual Result<Container> start(const ContainerSpec&) = 0;

  // SIGTERM, `grace`, SIGKILL; returns when it does not run. Gone or stopped: succeeds.
  virtual Result<> stop(const ReplicaKey&, Seconds grace, const DrainProof&) = 0;

  // Removes a container that does not run. Gone: succeeds. Running: Code::conflict "running".
  virtual Result<> remove(const ReplicaKey&) = 0;

  // Runs a command to its end and says how it ended; the container stays until end_run(). One that
  // runs already, or has ended, is taken over: a command is begun once, whoever asks again. Another
  // one runs in its environment: unavailable "turn_taken", to be asked again. Errors
  // as start(); past its deadline: exhausted "run_deadline"; stopped: unavailable "interrupted",
  // and the command goes on.
  virtual Result<ContainerExit> run_once(const RunSpec&, std::stop_token) = 0;
  // Kills and removes what run_once() left. Gone: succeeds.
  virtual Result<> end_run(const DeploymentId&) = 0;
  // Deployments that have such a container.
  virtual Result<std::vector<DeploymentId>> runs() = 0;

  // Every container of this installation: the truth, and how replicas are adopted.
  virtual Result<std::vector<Container>> list() = 0;

  // Environments that have a network of this installation on the engine.
  virtual Result<std::vector<EnvironmentId>> networks() = 0;
  // Removes an environment's network if no container is left in it. Gone: succeeds.
  virtual Result<> remove_network(const EnvironmentId&) = 0;

  // Reports changes until stopped, reconnecting by itself; hints only. Blocks: give it a thread.
  virtual void watch(const std::function<void(const EngineEvent&)>&, std::stop_token) = 0;

  virtual Result<> ping() = 0;
};

}  // namespace gantry
