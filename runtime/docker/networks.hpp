// One bridge network an environment, made when its first container starts. Owned by the driver;
// thread-safe.
#pragma once

#include <mutex>
#include <set>
#include <vector>

#include "runtime/docker/engine_client.hpp"
#include "runtime/driver.hpp"

namespace gantry::docker {

class Networks {
 public:
  Networks(EngineClient& client, InstallationId installation)
      : client_(client), installation_(std::move(installation)) {}

  // Free when it was seen before. Errors: exhausted "network_overlap", conflict
  // "name_taken_by_other".
  Result<> ensure(const NetworkSpec&);
  // After the engine said that it is not there.
  void forget(const EnvironmentId&);

  Result<std::vector<EnvironmentId>> list();
  Result<> remove(const EnvironmentId&);

 private:
  Result<> create(const NetworkSpec&);
  Result<> remove_empty(const std::string& network_id);

  EngineClient& client_;
  const InstallationId installation_;
  std::mutex creating_;  // the engine does not refuse a second network of one name reliably
  std::mutex mutex_;
  std::set<EnvironmentId> present_;
};

}  // namespace gantry::docker
