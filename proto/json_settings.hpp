// The parts of the nouns' JSON that settings and take-overs are. For json.cpp and codec.cpp.
#pragma once

#include <string>
#include <vector>

#include "proto/json.hpp"

namespace gantry {

void append_strings(std::string& out, const std::vector<std::string>& words);
// "source", "build" and "deploy", every key of them.
void append_settings(JsonObject&, const Settings&);
// "rollout": how far a deployment has come.
void append_rollout(JsonObject&, const Deployment&);

}  // namespace gantry
