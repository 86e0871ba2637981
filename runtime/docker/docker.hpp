// The Docker Engine behind the Driver port, over its unix socket. One thread of its own carries the
// long-lived streams (output of containers, events); calls block their callers. It touches only
// what carries its label.
#pragma once

#include <memory>
#include <string>

#include "runtime/driver.hpp"
#include "runtime/exec.hpp"
#include "runtime/jobs.hpp"
#include "runtime/logs.hpp"
#include "runtime/usage.hpp"
#include "runtime/volume_files.hpp"
#include "runtime/volumes.hpp"

namespace gantry {

struct DockerOptions {
  std::string socket_path = "/var/run/docker.sock";
  InstallationId installation_id;
  Logs* logs = nullptr;                 // outlives the driver; where the output of containers goes
  Logs* run_logs = nullptr;             // the same for run_once(), as ordinal 1 of the deployment
  Logs* job_logs = nullptr;             // the same for runs
  Duration call_timeout = Seconds(30);  // every call but those named below
  Duration start_timeout = Seconds(120);
  Duration pull_timeout = Seconds(1800);
};

// Does not talk to the engine yet: an engine that is down shows as "engine_unavailable" with each
// call. REQUIRES: no call and no watch() is under way when the driver is destroyed.
std::unique_ptr<Driver> make_docker_driver(const DockerOptions&);
// Of the same engine; a connection of its own. Not thread-safe.
std::unique_ptr<UsageMeter> make_docker_usage(const DockerOptions&);
// Of the same engine, each with a connection of its own.
std::unique_ptr<Volumes> make_docker_volumes(const DockerOptions&);
std::unique_ptr<VolumeFiles> make_docker_volume_files(const DockerOptions&);
// Of the same engine; a connection of its own. REQUIRES: job_logs.
std::unique_ptr<JobEngine> make_docker_jobs(const DockerOptions&);
// Of the same engine; connections of its own. What it gave may outlive it.
std::unique_ptr<Exec> make_docker_exec(const DockerOptions&);

}  // namespace gantry
