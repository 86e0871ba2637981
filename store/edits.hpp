// What committed rows do to a project's snapshot. Pure. A part whose parents are gone is not added:
// their deletion was published first and took it along.
#pragma once

#include <functional>
#include <string>

#include "proto/snapshot.hpp"

namespace gantry::edits {

void put_environment(ProjectSnapshot&, const Environment&);
void drop_environment(ProjectSnapshot&, const EnvironmentId&);
void put_service(ProjectSnapshot&, const Service&);
void drop_service(ProjectSnapshot&, const ServiceId&);
void put_instance(ProjectSnapshot&, const ServiceInstance&);
void drop_instance(ProjectSnapshot&, const InstanceId&);
void put_deployment(ProjectSnapshot&, const Deployment&);
void put_volume(ProjectSnapshot&, const Volume&);
void drop_volume(ProjectSnapshot&, const VolumeId&);
// `owner_id` is an instance's, or an environment's for shared ones.
void put_variable(ProjectSnapshot&, const std::string& owner_id, const Variable&);
void drop_variable(ProjectSnapshot&, const std::string& owner_id, const std::string& name);

}  // namespace gantry::edits
