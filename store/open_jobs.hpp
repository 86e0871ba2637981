// Opens the ledger of runs on the store's own connections. Owned by daemon/; the store outlives it.
#pragma once

#include <memory>

#include "proto/jobs.hpp"

namespace gantry {

// REQUIRES: a store of open_store()
std::unique_ptr<JobLedger> open_job_ledger(Store&);

}  // namespace gantry
