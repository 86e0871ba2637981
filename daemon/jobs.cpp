#include "daemon/jobs.hpp"

#include "daemon/log.hpp"
#include "daemon/options.hpp"
#include "store/open_jobs.hpp"

namespace gantry {

DaemonJobs make_jobs(const Config& config, const JobParts& parts) {
  DaemonJobs made;
  made.ledger = open_job_ledger(parts.store);
  JobKeeperOptions options;
  options.desired = desired_options(config, parts.store.installation());
  options.policy.at_once = config.jobs.at_once;
  options.log = [](const std::string& text) { log::info(text); };
  const JobPorts ports{
      .store = parts.store,
      .ledger = *made.ledger,
      .engine = parts.engine,
      .logs = parts.logs,
      .clock = system_clock(),
      .pull = [&driver = parts.driver](const std::string& image) { return driver.pull(image); },
      .volumes = parts.volumes};
  made.keeper = std::make_unique<JobKeeper>(ports, std::move(options));
  return made;
}

}  // namespace gantry
