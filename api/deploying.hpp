// What the handlers that make or change deployments share.
#pragma once

#include "api/handlers.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

// Above the newest one's, also when the clock was set back.
DeploymentId next_id(const Context&, const InstanceView&);
// The one place where deployments are made. Into an environment that asks for it: held until an
// owner approves.
Result<Deployment> make_deployment(Transaction&, const Place&, NewDeployment);
Answer create(Transaction&, const Place&, NewDeployment);
// 202 with the deployment.
Response changed(const Request&, const Place&, const Deployment&);
// Removes it and answers with it.
Answer removing(Transaction&, const DeploymentId&, std::string_view reason, const Place&,
                const Request&);
// The deployment that a request is about, and where it is; If-Match is about the deployment.
struct PlacedDeployment {
  Deployment deployment;
  Place place;
};
Result<PlacedDeployment> find_placed(const Request&, Context&);

}  // namespace gantry::api
