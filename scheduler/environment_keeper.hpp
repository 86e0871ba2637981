// Looks after deleted environments: those whose grace is over are purged, with all that is in them.
// Their volumes are deleted then and have a grace of their own. One thread at a time; blocking.
#pragma once

#include <functional>
#include <string>

#include "proto/store.hpp"

namespace gantry {

struct EnvironmentKeeperOptions {
  Seconds grace{48 * 3600};  // between an environment's deletion and its purge
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class EnvironmentKeeper {
 public:
  EnvironmentKeeper(Store& store, EnvironmentKeeperOptions options)
      : store_(store), options_(std::move(options)) {}

  // One transaction each: a daemon that dies in between goes on with the rest the next time.
  void purge(TimePoint now);

 private:
  Result<> purge(const EnvironmentId&, TimePoint deleted_before);

  Store& store_;
  const EnvironmentKeeperOptions options_;
};

}  // namespace gantry
