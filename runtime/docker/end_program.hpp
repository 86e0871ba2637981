// How a program that was run in a container, and all that it started, is ended: the engine ends
// none when its connection closes (engine reference, Part 3 "exec / attach").
#pragma once

#include <string>
#include <vector>

#include "proto/id.hpp"

namespace gantry::docker {

// A command to be run in the same container, as the same user: finds the processes by the session
// in their environment, hangs them up and kills what is left a second later.
std::vector<std::string> end_program(const SessionId&);

}  // namespace gantry::docker
