// The builder's port: from an uploaded archive to an image on the engine. Blocking; called from
// several threads, but never twice at once for one deployment. What was begun and not ended before
// the daemon died is simply begun again.
#pragma once

#include <string>
#include <vector>

#include "proto/store.hpp"

namespace gantry {

// Another service of the same environment that is deployed from a source.
struct Neighbour {
  std::string service;  // its name
  std::string archive;  // of its newest deployment
  BuildSettings build;  // where it finds its configuration file
};

struct PrepareOrder {
  DeploymentId deployment_id;
  InstanceId instance_id;
  ProjectId project_id;
  std::string archive;  // "sha256:..."
  // The archive of what serves now: with it, watch patterns decide whether there is anything to do.
  // Empty: there is, in any case.
  std::string compared_with;
  std::string environment, service;           // names
  Settings settings;                          // of the instance
  std::string once = {};                      // as in Deployment: wins over the configuration file
  std::vector<Neighbour> neighbours = {};     // who may share the configuration file
  std::vector<std::string> mount_paths = {};  // of the volumes that it mounts
};

struct Prepared {
  Settings settings;        // in force for the deployment: its file's over the instance's
  std::string config;       // config_json() of its file; empty: there is none
  std::string skip_reason;  // not empty: nothing to do, and why
};

struct BuildOrder {
  DeploymentId deployment_id;
  InstanceId instance_id;
  ProjectId project_id;
  std::string archive;
  std::string service;          // its name
  Settings settings;            // in force
  ResolvedVariables variables;  // build arguments and secrets
};

class Builder {
 public:
  virtual ~Builder() = default;

  // Unpacks, reads the configuration, looks at the watch patterns. An archive that is broken or
  // hostile, a file that is wrong: Code::invalid, its detail a sentence for the person who deployed
  // it. The archive is gone: not_found "source_gone". Everything else may pass: unavailable.
  virtual Result<Prepared> prepare(const PrepareOrder&) = 0;

  // Gives the image's name. Its log lines go to the build logs. Errors as above; ended by cancel():
  // conflict "cancelled"; by a limit: exhausted "build_deadline", "build_memory", "build_pids",
  // "build_disk", "build_disk_full".
  virtual Result<std::string> build(const BuildOrder&) = 0;

  // Ends what is under way for a deployment, within seconds, and refuses what comes later.
  virtual void cancel(const DeploymentId&) = 0;

  // Ends everything that is under way; what comes later is unavailable. For the daemon's end.
  virtual void stop() = 0;

  // Removes images, archives and folders of this installation that none of `releases` needs; keeps
  // the newest images of each instance within the byte budget, and never one of a live release.
  virtual Result<> sweep(const std::vector<Release>& releases) = 0;
};

}  // namespace gantry
