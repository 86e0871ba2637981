// Carries out what plan_jobs() says: the shell around it, as the reconciler is around plan(). One
// thread looks, a few begin and end containers. Only the daemon that holds the lease does anything;
// what it was at is in the ledger and on the engine, so that the next one goes on from there.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "proto/jobs.hpp"
#include "runtime/jobs.hpp"
#include "runtime/logs.hpp"
#include "runtime/volumes.hpp"
#include "scheduler/desired.hpp"
#include "scheduler/jobs.hpp"
#include "scheduler/pool.hpp"

namespace gantry {

struct JobPorts {
  Store& store;
  JobLedger& ledger;
  JobEngine& engine;
  Logs& logs;
  const Clock& clock;
  // An image that is not there; nothing when it is then.
  std::function<Result<>(const std::string& image)> pull;
  Volumes* volumes = nullptr;  // none: what mounts one does not run
};

struct JobKeeperOptions {
  DesiredOptions desired;
  JobPolicy policy;
  RunLimits limits;
  Duration look = Seconds(1);
  Duration engine_look = Seconds(30);   // at containers, while no run is open
  Duration forget_look = Seconds(600);  // for runs that are too old
  int threads = 4;                      // containers begun and ended at once
  // Instead of those threads, for simulations.
  std::function<void(std::function<void()> work)> in_background = nullptr;
  std::function<void(const std::string&)> log = [](const std::string&) {};
};

class JobKeeper {
 public:
  JobKeeper(JobPorts, JobKeeperOptions);
  ~JobKeeper();

  void start();
  void stop();  // runs go on
  void wake();  // something was asked for; any thread

  // One look at everything; for tests, too. What it began goes on in the background until idle().
  Result<> look();
  bool idle() const;

 private:
  void lookout(const std::stop_token&);
  void gather_services(JobWorld&);
  Result<> gather_containers(TimePoint now);
  bool perform(const JobAction&, TimePoint now);  // false: it is to be done again
  Result<> carry_out(const PutMark&, TimePoint);
  Result<> carry_out(const EraseMark&, TimePoint);
  Result<> carry_out(const AddTick&, TimePoint now);
  Result<> carry_out(const BeginRun&, TimePoint);
  Result<> carry_out(const RecordWaiting&, TimePoint);
  Result<> carry_out(const RecordStart&, TimePoint);
  Result<> carry_out(const AskEnd&, TimePoint now);
  Result<> carry_out(const EndRun&, TimePoint);
  Result<> carry_out(const RecordEnd&, TimePoint);
  Result<> carry_out(const RemoveRun&, TimePoint);

  const JobRun* open_run(const RunId&) const;
  void in_background(const RunId&, std::function<void()>);
  void begin(const JobRun&);
  Result<JobSeen> begin_once(const JobRun&, const JobSpec&, bool& claimed);
  Result<JobSpec> spec_of(const JobRun&);
  void finish(JobRun, RunStatus, std::string reason);
  void tell(const JobRun&);
  Result<> forget(TimePoint now);

  const JobPorts ports_;
  const JobKeeperOptions options_;
  JobWorld world_;      // of the looking thread
  bool led_ = false;    // the same
  bool moved_ = false;  // the same: a row has changed, so that there may be more to do
  TimePoint engine_at_{}, forget_at_{}, looked_at_{};  // the same
  std::set<std::string> told_;                         // the same: what was logged once

  std::mutex looking_;  // one look at a time
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;    // guarded by mutex_
  std::set<RunId> busy_;  // guarded by mutex_
  Pool pool_;
  std::jthread thread_;  // last
};

}  // namespace gantry
