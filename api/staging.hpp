// Changes that are collected instead of made: what a request with stage=true comes down to.
#pragma once

#include <vector>

#include "api/planning.hpp"
#include "proto/staged.hpp"

namespace gantry::api {

// Keeps them, and answers with all that is staged and what it would do: 202. What could not be
// applied together with the rest is an error, and nothing is kept.
Answer stage(const Request&, Context&, Transaction&, const Place&, std::vector<StagedChange>);

// The effects of requests with stage=true, by the name of what they stand in for.
Answer stage_variable(const Request&, Context&, Transaction&);
Answer stage_variable_removal(const Request&, Context&, Transaction&);
Answer stage_variables(const Request&, Context&, Transaction&);
Answer stage_shared_variable(const Request&, Context&, Transaction&);
Answer stage_shared_variable_removal(const Request&, Context&, Transaction&);
Answer stage_shared_variables(const Request&, Context&, Transaction&);
Answer stage_settings(const Request&, Context&, Transaction&);
Answer stage_service(const Request&, Context&, Transaction&);
Answer stage_service_removal(const Request&, Context&, Transaction&);

}  // namespace gantry::api
