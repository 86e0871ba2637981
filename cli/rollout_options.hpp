// How a new version takes over, as options of `deploy` and `up`: for one deployment alone.
#pragma once

#include <vector>

#include "cli/command.hpp"
#include "cli/session.hpp"
#include "proto/json.hpp"

namespace gantry::cli {

std::vector<Option> rollout_options();

// Before anything is done: that they can be read. Throws Failure (kUnreadable).
void check_rollout_options(const Call&);
// Adds the members "rollout" and "traffic" for what was written. Throws Failure (kUnreadable).
void append_rollout_options(JsonObject& body, const Call&);

// Says that an interruption comes, when the strategy is one. Before the deployment is made.
void tell_interruption(const Session&, const Place&);

}  // namespace gantry::cli
