// What containers use, from the engine: an ability that a driver may offer.
#pragma once

#include <stop_token>
#include <vector>

#include "proto/model.hpp"
#include "proto/result.hpp"

namespace gantry {

struct ReplicaUsage {
  ReplicaKey key;
  double cpu_millicores = 0;  // since the last call; the first one says nothing
  double memory_bytes = 0;    // without the page cache
};

class UsageMeter {
 public:
  virtual ~UsageMeter() = default;
  // Of those of these replicas that run. Blocks for as long as the engine takes.
  virtual Result<std::vector<ReplicaUsage>> usage(const std::vector<ReplicaKey>&,
                                                  std::stop_token) = 0;
};

}  // namespace gantry
