// What the scheduler wants of one instance, cut out of the store's snapshot. Pure values.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/snapshot.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/driver.hpp"
#include "runtime/jobs.hpp"

namespace gantry {

struct DesiredOptions {
  std::string base_domain = "localhost";
  std::string network_range = "10.192.0.0";  // environments get /24s from here on
  InstallationId installation;
};

struct Desired {
  InstanceId instance_id;
  ServiceId service_id;
  EnvironmentId environment_id;
  ProjectId project_id;
  std::string service, environment;  // names
  std::vector<std::string> hosts;    // empty for a worker; those that people gave it, too
  std::string preview_host;          // of a version that waits for its promotion, or of the old one
  std::optional<TrafficSplit> split = {};
  int epoch = 0;
  NetworkSpec network;
  std::vector<std::shared_ptr<const Deployment>> deployments;  // newest first
  std::vector<Mount> mounts = {};     // of every replica, by path; then it stops before it starts
  std::string volume = {};            // the name of the first of them
  std::vector<Neighbour> neighbours;  // while a source waits to be prepared, else empty
};

using DesiredPtr = std::shared_ptr<const Desired>;

// Null when the project has no such instance.
DesiredPtr desired_of(const ProjectSnapshot&, const InstanceId&, const DesiredOptions&);

// "10.192.3.0/24" for index 3 of range 10.192.0.0.
std::string subnet(const std::string& range, int index);

// What the engine is told to run for one replica of a deployment.
ContainerSpec container_spec(const Desired&, const Deployment&, const ReplicaKey&);

// What its pre-deploy command is run in. REQUIRES: there is one.
RunSpec run_spec(const Desired&, const Deployment&);

// What a run of a deployment is run in.
JobSpec job_spec(const Desired&, const Deployment&, const JobRun&);

// A deployment's port: the setting, else its variable PORT, else left to the image.
PortMode port_mode(const Deployment&, int& port);

}  // namespace gantry
