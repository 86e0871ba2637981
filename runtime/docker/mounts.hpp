// What must be true before a container with volumes starts: the engine would make a volume that is
// not there, empty, and would let two containers write one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/docker/engine_client.hpp"
#include "runtime/driver.hpp"

namespace gantry::docker {

using GetFromEngine = std::function<Result<EngineReply>(std::string target)>;

// `own_name`: of the container that is to have them. Errors: invalid "volume_missing"; conflict
// "volume_in_use".
Result<> check_mounts(const GetFromEngine&, const InstallationId&, const std::vector<Mount>&,
                      const std::string& own_name);

}  // namespace gantry::docker
