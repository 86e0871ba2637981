// Where `up` deploys to and what it packs: shared by nothing else, apart so that each can be read.
#pragma once

#include <string>

#include "cli/session.hpp"
#include "cli/tree.hpp"

namespace gantry::cli {

// The service that was named or linked, else the only one; one that is not there yet is made in
// this environment (unless --no-create), with a note. None at all: named after the directory.
Place place_of_up(Session&);

// The linked directory (else the present one), or with PATH its part. Throws Failure.
TreeOrder order_of_up(Session&);

// A directory's name as a name of a project or service.
std::string name_of_directory(const std::string& directory, const std::string& otherwise);

}  // namespace gantry::cli
