// A volume in the words of the REST contract.
#pragma once

#include <string>

#include "api/http.hpp"

namespace gantry::api {

// `project` may be null: it is gone. Then environment and service are null too.
void append_volume(std::string& out, const Volume&, const ProjectSnapshot* project, const Context&);

}  // namespace gantry::api
