// A plan, carried out: every write of it in the caller's transaction, and the deployments of what
// changed. Half of it never happens. Reads memory; belongs to one request.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/http.hpp"
#include "api/lookup.hpp"
#include "proto/document_plan.hpp"

namespace gantry::api {

struct Applied {
  std::vector<std::pair<std::string, DeploymentId>> deployments;  // by service, as they were made
};

// REQUIRES: the plan is of this place as it is in memory. What came in between is told by
// Code::conflict "superseded". What cannot be so (a domain of somebody else, a reference to
// nothing): its own error, with pointers into the document.
Result<Applied> apply_plan(const Context&, Transaction&, const Place&, const DocumentPlan&);

}  // namespace gantry::api
