// Programs on this machine with the variables of a service.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/clients.hpp"

namespace gantry::cli {

// Where PATH has it; a name with a slash is where it says. Nothing: it is not there.
std::optional<std::string> find_program(const std::string& name);

// Those that would change how programs here are found or loaded: LD_PRELOAD, PATH, NODE_OPTIONS...
bool is_hook(const std::string& variable);

// Runs it to its end with this program's environment and `variables` in it; its exit code, 128 + n
// when signal n ended it. Not there: throws Failure with exit code 127.
int run_local(const std::vector<std::string>& argv, const Values& variables);

}  // namespace gantry::cli
