// The templates of this daemon: those that it was built with (deploy/templates), and those of the
// operator's folder.
#pragma once

#include <memory>
#include <string>

#include "proto/template.hpp"

namespace gantry {

// A file of the folder that cannot be read is told in the log and left out. No folder: no more
// templates.
std::shared_ptr<const Templates> load_templates(const std::string& folder);

}  // namespace gantry
