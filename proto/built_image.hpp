// How images are called that an installation builds: "gantry-build/<end of the installation's id>/
// <instance>:<deployment>", ids without their prefix. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "proto/id.hpp"

namespace gantry {

inline constexpr std::string_view kBuiltImages = "gantry-build/";

// Whether the engine would take a name for that of a built image, of any installation.
bool is_built_image(std::string_view image);
// Whose it is; nothing: the name says nobody's.
std::optional<InstanceId> instance_of_built_image(std::string_view image);

}  // namespace gantry
