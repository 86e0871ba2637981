// Making a project where one is wanted: shared by `init` and `up --new`.
#pragma once

#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// Creates it and links the present directory to its first environment.
Place create_project(Session&, const std::string& name);

}  // namespace gantry::cli
