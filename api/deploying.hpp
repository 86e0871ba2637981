// What the handlers that make or change deployments share.
#pragma once

#include "api/handlers.hpp"
#include "api/lookup.hpp"

namespace gantry::api {

// Above the newest one's, also when the clock was set back.
DeploymentId next_id(const Context&, const InstanceView&);
Answer create(Transaction&, const Place&, const NewDeployment&);
// 202 with the deployment.
Response changed(const Request&, const Place&, const Deployment&);
// Removes it and answers with it. In an environment that needs approvals with what is kept beside
// it: nothing earlier serves in its place.
Answer removing(Transaction&, const DeploymentId&, std::string_view reason, const Place&,
                const Request&);
// The deployment that a request is about, and where it is; If-Match is about the deployment.
struct PlacedDeployment {
  Deployment deployment;
  Place place;
};
Result<PlacedDeployment> find_placed(const Request&, Context&);

}  // namespace gantry::api
