// Following what was asked for to its end. An outage of the server is waited out for a minute.
#pragma once

#include <string>

#include "cli/session.hpp"

namespace gantry::cli {

// What a deployment's end means: SUCCESS and SKIPPED are 0; FAILED, CRASHED and REMOVED throw
// Failure with the reason. Phases go to stderr as they come.
Json wait_for_deployment(Session&, const std::string& deployment_id);

// Until every replica of the restart epoch is ready.
void wait_for_epoch(Session&, const Place&, std::int64_t epoch);

// After a POST: waits unless --detach, then prints the deployment. The exit code.
int finish_deployment(Session&, const Place&, const Json& deployment);

}  // namespace gantry::cli
