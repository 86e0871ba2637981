// What is provided to an instance beside its own variables, in the parts that a resolver looks up
// one by one. Pure. provided_variables() of proto/variables.hpp is all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/variables.hpp"

namespace gantry {

// Of the instance itself, under both prefixes: without the hosts of the services around it.
ResolvedVariables provided_of_itself(const ProjectSnapshot&, const InstanceView&,
                                     const ResolveOptions&);

// The host that a name such as RAILWAY_SERVICE_API_URL stands for in an environment; nothing: it is
// no such name, or that service has none.
std::optional<std::string> service_url(const ProjectSnapshot&, const EnvironmentId&,
                                       std::string_view name, const ResolveOptions&);

// The instance of a service, named in any case; null when the environment has none.
const InstanceView* instance_named(const ProjectSnapshot&, const EnvironmentId&,
                                   std::string_view service);

}  // namespace gantry
