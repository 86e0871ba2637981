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
// If-Match is about the deployment.
Result<> check_version(const Request&, const Deployment&);

}  // namespace gantry::api
