// Volumes before their first mount. Any thread; blocking.
#pragma once

#include <vector>

#include "proto/store.hpp"
#include "runtime/volumes.hpp"

namespace gantry {

// On the engine first, then in its row, then mounted: from then on a volume that is missing is
// missed, and no empty one takes its place. What the store knows by now counts more than `mounts`.
// No `volumes`: unavailable "no_volumes".
Result<> make_volumes(Store&, Volumes*, const InstanceId&, std::vector<Mount>& mounts);

}  // namespace gantry
