// The whole program but for main(): parse, run a verb, tell how it failed.
#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

// `name` is argv[0]; the exit code.
int run(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace gantry::cli
