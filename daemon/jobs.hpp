// The runs of a daemon, put together from their parts.
#pragma once

#include <memory>

#include "daemon/config.hpp"
#include "scheduler/job_keeper.hpp"

namespace gantry {

// They outlive the runs.
struct JobParts {
  Store& store;
  Driver& driver;
  JobEngine& engine;
  Logs& logs;
  Volumes* volumes = nullptr;
};

// The keeper uses the ledger and goes first.
struct DaemonJobs {
  std::unique_ptr<JobLedger> ledger;
  std::unique_ptr<JobKeeper> keeper;
};

// Not started yet. REQUIRES: a store of open_store().
DaemonJobs make_jobs(const Config&, const JobParts&);

}  // namespace gantry
