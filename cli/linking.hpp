// Writing the directory's link: shared by init, link, service and environment.
#pragma once

#include "cli/session.hpp"

namespace gantry::cli {

// Links the current directory (or the parent that is linked already) to the place.
void write_link(Session&, const Place&);
// Prints {"project":{...},"environment":...,"service":...} or a line.
void tell_link(Session&, const Place&);
std::string place_json(const Place&);

}  // namespace gantry::cli
