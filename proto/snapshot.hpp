// Desired state in memory: immutable, published by the store after every commit, read by any thread
// without a lock beyond taking the pointer.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "proto/model.hpp"

namespace gantry {

struct InstanceView {
  ServiceInstance instance;
  std::shared_ptr<const Variables> variables;  // never null
  // Newest first: every live deployment and those still removing, and always the newest of all.
  std::vector<std::shared_ptr<const Deployment>> deployments;
};

struct EnvironmentView {
  Environment environment;
  std::shared_ptr<const Variables> shared;  // never null
};

struct ProjectSnapshot {
  Project project;
  std::map<EnvironmentId, std::shared_ptr<const EnvironmentView>> environments;
  std::map<ServiceId, std::shared_ptr<const Service>> services;
  std::map<InstanceId, std::shared_ptr<const InstanceView>> instances;

  // By id or by name; null when there is none.
  const EnvironmentView* environment(std::string_view id_or_name) const;
  const Service* service(std::string_view id_or_name) const;
  const InstanceView* instance(const ServiceId&, const EnvironmentId&) const;
};

using ProjectPtr = std::shared_ptr<const ProjectSnapshot>;

}  // namespace gantry
