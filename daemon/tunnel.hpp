// The far end of a tunnel: a TCP connection to a port of a container, as an Execution that has one
// output and no exit code of interest.
#pragma once

#include <memory>

#include "runtime/exec.hpp"

namespace gantry {

// Nothing listens there, or no answer within 10 s: Code::unavailable "unreachable".
Result<std::unique_ptr<Execution>> open_tunnel(const Address&);

}  // namespace gantry
