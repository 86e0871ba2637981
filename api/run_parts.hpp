// What the handlers of runs share.
#pragma once

#include <string>

#include "api/lookup.hpp"
#include "proto/jobs.hpp"

namespace gantry::api {

// Code::unavailable "no_runs" where there is no ledger.
Result<JobLedger*> jobs_of(const Context&);
// .../services/{service}/runs/{run}...: of that instance.
Result<JobRun> find_run(const Request&, const Context&, const Place&);
// Without its variables, which may be secrets.
void append_json(std::string& out, const JobRun&);
// The version that serves, or has a schedule; null: none does.
const Deployment* serving_of(const Place&);

}  // namespace gantry::api
