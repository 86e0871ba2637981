// The engine's volumes: an ability of a driver beside Driver. Blocking and idempotent; any thread.
// Only volumes of this installation are seen, and none is ever removed but by remove().
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/id.hpp"
#include "proto/result.hpp"
#include "runtime/driver.hpp"

namespace gantry {

inline std::string volume_name(const InstallationId& installation, const VolumeId& id) {
  return engine_prefix(installation) + "vol-" + std::string(id.ulid());
}

class Volumes {
 public:
  virtual ~Volumes() = default;

  // Makes it when it is not there.
  virtual Result<> create(const VolumeId&) = 0;
  // With its data, for ever. Gone: succeeds. A container has it: Code::conflict "volume_in_use".
  virtual Result<> remove(const VolumeId&) = 0;
  virtual Result<std::vector<VolumeId>> list() = 0;
  // Bytes of each that is there. All files are walked through: takes its time, until stop().
  virtual Result<std::map<VolumeId, std::int64_t>> usage() = 0;
  // For the daemon's end: usage() that is under way, or comes later, is unavailable "interrupted".
  virtual void stop() {}
};

}  // namespace gantry
