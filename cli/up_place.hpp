// Where `up` deploys to and what it packs: shared by nothing else, apart so that each can be read.
#pragma once

#include <string>

#include "cli/session.hpp"
#include "cli/tree.hpp"

namespace gantry::cli {

// The service that was named or linked, else the only one. One that is not there yet is to be made
// in this environment (unless --no-create); when there is none at all, under the directory's name.
struct UpPlace {
  Place place;               // without a service when it is to be made
  std::string to_make = {};  // its name
};
UpPlace place_of_up(Session&);

// With the service made, and a note of it, where there was none.
Place made(Session&, const UpPlace&);

// The linked directory (else the present one), or with PATH its part. Throws Failure.
TreeOrder order_of_up(Session&);

// A directory's name as a name of a project or service.
std::string name_of_directory(const std::string& directory, const std::string& otherwise);

}  // namespace gantry::cli
