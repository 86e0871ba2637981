// What the verbs of volumes share.
#pragma once

#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// The volume that the first word (or --volume) names, a deleted one, too; without either the only
// one of the environment. Throws Failure.
struct NamedVolume {
  Place place;
  Json volume;
  std::string name() const { return volume["name"].text(); }
  std::string path() const { return place.environment_path() + "/volumes/" + volume["id"].text(); }
};
NamedVolume find_volume(Session&);

}  // namespace gantry::cli
