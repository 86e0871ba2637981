// The engine's volumes: an ability of a driver beside Driver. Blocking and idempotent; any thread.
// Only volumes of this installation are seen, and none is ever removed but by remove().
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/id.hpp"
#include "proto/result.hpp"

namespace gantry {

// "gantry-<last 8 of the installation's ulid>-vol-<ulid of the volume>"
std::string volume_name(const InstallationId&, const VolumeId&);

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
