// How built images are called: by installation, instance and deployment, so that two installations
// on one engine never meet and a name alone says whose an image is. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/id.hpp"

namespace gantry {

// "gantry-build/<last 8 of the installation>/<instance>:<deployment>", ids without their prefix.
std::string built_image_name(const InstallationId&, const InstanceId&, const DeploymentId&);

// What all of an installation's images begin with.
std::string built_image_prefix(const InstallationId&);

struct BuiltImageOwner {
  InstanceId instance_id;
  DeploymentId deployment_id;
};
// Nothing for a name that built_image_name of this installation does not give.
std::optional<BuiltImageOwner> built_image_owner(const InstallationId&, std::string_view name);

}  // namespace gantry
