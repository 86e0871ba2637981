// Containers of runs on the engine: an ability of a driver beside Driver. Blocking and idempotent;
// any thread. Only those of this installation are seen. What a run writes goes to Logs, under
// log_key().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/jobs.hpp"
#include "runtime/driver.hpp"

namespace gantry {

struct JobSpec {
  RunId run_id;
  InstanceId instance_id;
  EnvironmentId environment_id;
  std::string image;
  std::vector<std::string> command;  // empty: the image's own entry point and command
  ResolvedVariables variables;
  int cpu_millicores = 0;  // limits as in ContainerSpec
  std::int64_t memory_bytes = 0;
  int pids_limit = 0;
  NetworkSpec network;
  std::vector<Mount> mounts = {};
};

struct JobSeen {
  RunId run_id;
  InstanceId instance_id;
  ContainerState state = ContainerState::created;
  TimePoint started_at{};                  // unless created
  std::optional<ContainerExit> exit = {};  // when exited: all that it wrote is in Logs
};

class JobEngine {
 public:
  virtual ~JobEngine() = default;

  // Begun once, whoever asks again: one that runs or has ended is given as it is. Errors as
  // Driver::start(); conflict "volume_in_use".
  virtual Result<JobSeen> begin(const JobSpec&) = 0;
  virtual Result<std::vector<JobSeen>> list() = 0;
  // SIGTERM, `grace`, SIGKILL; returns when it does not run. Its exit stays to be seen. Gone:
  // succeeds.
  virtual Result<> end(const RunId&, Seconds grace) = 0;
  // Kills and removes it. Gone: succeeds.
  virtual Result<> remove(const RunId&) = 0;
};

}  // namespace gantry
