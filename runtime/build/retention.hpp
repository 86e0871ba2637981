// Which built images may go. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/build/builder.hpp"
#include "runtime/build/image_engine.hpp"

namespace gantry {

struct Retention {
  InstallationId installation_id;
  int per_instance = 5;
  std::uint64_t high_bytes = 0;  // 0: no limit
  std::uint64_t low_bytes = 0;
  TimePoint now;
  // A younger one is never chosen: its deployment may not have been recorded yet.
  Seconds young{10 * 60};
};

// Names of images to remove, oldest first. Never one of a live release or of somebody else's; of an
// instance the newest `per_instance` are kept as long as all together stay below the high mark, and
// its newest of all in any case. The size of an image is counted whole, though images share layers.
std::vector<std::string> images_to_remove(const std::vector<StoredImage>&,
                                          const std::vector<Release>&, const Retention&);

}  // namespace gantry
