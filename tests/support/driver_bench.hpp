// What a driver's test needs beside the driver: an engine, an installation of its own, and ways to
// play the world. One is the simulation, one a real Docker Engine. Made for one test; leaves
// nothing behind.
#pragma once

#include <memory>
#include <string>

#include "runtime/driver.hpp"
#include "runtime/logs.hpp"
#include "runtime/volume_files.hpp"
#include "runtime/volumes.hpp"

namespace gantry::testing {

struct ProofForTests : DrainProofMaker {
  using DrainProofMaker::make;
};

class DriverBench {
 public:
  virtual ~DriverBench() = default;
  virtual Driver& driver() = 0;
  virtual std::unique_ptr<Driver> another(
      const InstallationId&) = 0;  // a second driver on the same engine
  virtual Volumes& volumes() = 0;
  virtual std::unique_ptr<Volumes> other_volumes() = 0;  // another installation's
  // A file in a volume, whoever has it.
  virtual void write(const VolumeId&, const std::string& text) = 0;
  virtual std::string read(const VolumeId&) = 0;
  virtual int cores() = 0;
  virtual void add_foreign(const std::string& name) = 0;  // a container of nobody known
  virtual bool has_foreign(const std::string& name) = 0;
  virtual void exit(const Container&, int code) = 0;  // the application ends by itself
  virtual void destroy(const Container&) = 0;         // somebody removes it by hand

  const InstallationId installation = InstallationId::make(system_clock().now());

  // Another replica of this bench's only service and environment.
  ContainerSpec spec();
  std::string name_of(const ReplicaKey&) const;
  Result<> stop(const ReplicaKey& key) {
    return driver().stop(key, Seconds(5), ProofForTests::make(key));
  }

 protected:
  const EnvironmentId environment_ = EnvironmentId::make(system_clock().now());
  const InstanceId instance_ = InstanceId::make(system_clock().now());
  const DeploymentId deployment_ = DeploymentId::make(system_clock().now());
  const std::string subnet_ = next_subnet();
  int replicas_ = 0;

 private:
  static std::string next_subnet();
};

std::unique_ptr<DriverBench> make_sim_bench();

// The engine at $GANTRY_TEST_ENGINE, else /var/run/docker.sock.
std::string test_engine_socket();

class DockerBench : public DriverBench {
 public:
  // Fails the test with a clear message when there is no engine; makes the test images.
  explicit DockerBench(const std::string& socket_for_driver = test_engine_socket());
  ~DockerBench() override;
  Driver& driver() override { return *driver_; }
  std::unique_ptr<Driver> another(const InstallationId&) override;
  Volumes& volumes() override { return *volumes_; }
  std::unique_ptr<Volumes> other_volumes() override;
  void write(const VolumeId&, const std::string& text) override;
  std::string read(const VolumeId&) override;
  int cores() override;
  void add_foreign(const std::string& name) override;
  bool has_foreign(const std::string& name) override;
  void exit(const Container&, int code) override;
  void destroy(const Container&) override;

  Logs& logs() { return *logs_; }
  std::vector<LogLine> log_lines(const ReplicaKey&, int limit = 1000000);
  std::unique_ptr<Driver>
  restarted();  // as after a daemon's restart: new logs on the same files, a new driver
  // A call straight to the engine; the body, or the test fails.
  std::string engine(const std::string& verb, const std::string& target,
                     const std::string& body = "");
  InstanceId instance() const { return instance_; }
  EnvironmentId environment() const { return environment_; }

 private:
  void sweep();
  std::string directory_;
  std::vector<std::string> foreign_;
  std::unique_ptr<Logs> logs_;
  std::unique_ptr<Driver> driver_;
  std::unique_ptr<Volumes> volumes_;
  std::unique_ptr<VolumeFiles> files_;
};

// One HTTP GET over TCP; the whole reply, "" when nobody answers. Tries for `patience` to connect.
std::string http_get(const Address&, const std::string& path, Seconds patience = Seconds(5));
std::string body_of(const std::string& reply);

// Waits up to ten seconds.
bool eventually(const std::function<bool()>& condition);

}  // namespace gantry::testing
