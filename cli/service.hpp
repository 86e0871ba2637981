// Making a service where it is wanted: shared by `service create` and `deploy`.
#pragma once

#include <optional>
#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// A service that the project has not got is created; one without an instance in this environment
// gets one. `settings`: members of a JSON object ("\"deploy\":{...}"), or empty. Nothing: it was
// staged.
std::optional<Place> create_service(Session&, const std::string& name, const std::string& settings);

}  // namespace gantry::cli
