// Commands that come in a body. Pure.
#pragma once

#include <string>
#include <vector>

#include "proto/result.hpp"

namespace gantry::api {

// Of the member "command": a program and its arguments.
Result<> check_command(const std::vector<std::string>&);

}  // namespace gantry::api
