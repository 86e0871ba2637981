// Runs: a command of a service that is begun once, in a container of its own, at a schedule's tick
// or because somebody asked; and the ledger of them, a port beside Store in the same database.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/store.hpp"

namespace gantry {

struct RunTag {
  static constexpr std::string_view prefix = "run";
};
using RunId = Id<RunTag>;

enum class RunTrigger { cron, manual };  // "cron" "manual"

enum class RunStatus {
  queued,     // is to begin
  running,    // is being begun, or runs
  succeeded,  // exit code 0
  failed,     // another exit code, or it could not begin: reason says why
  timed_out,  // ended at its limit
  cancelled,  // ended by a person, by the run that replaced it, or with its service
  skipped,    // a tick that was passed over: reason says why
};
std::string_view name(RunTrigger);
std::string_view name(RunStatus);
std::optional<RunTrigger> parse_run_trigger(std::string_view);
std::optional<RunStatus> parse_run_status(std::string_view);
bool is_over(RunStatus);  // nothing follows

struct JobRun {
  RunId id;
  InstanceId instance_id;
  DeploymentId deployment_id;  // whose image, variables and limits it has
  RunTrigger trigger = RunTrigger::manual;
  std::optional<TimePoint> tick = {};     // that it is for; of one instance no two have the same
  std::vector<std::string> command = {};  // argv; empty: the deployment's start command
  ResolvedVariables variables = {};       // over the deployment's; encrypted at rest
  int limit_seconds = 0;                  // from its start; then it is ended. 0: none
  bool alone = false;  // it mounts the service's volumes: no two of these run at once
  RunStatus status = RunStatus::queued;
  std::string reason = {};
  std::optional<int> exit_code = {};
  std::optional<RunStatus> ending = {};  // timed_out or cancelled: it is to be ended as that
  std::optional<TimePoint> ending_at = {};
  TimePoint created_at{};
  std::optional<TimePoint> started_at = {};
  std::optional<TimePoint> finished_at = {};
};

// Up to where the ticks of a service's schedule have been seen to.
struct CronMark {
  InstanceId instance_id;
  std::string schedule;  // with its zone: another one begins anew
  TimePoint handled_until{};
};

// Under which key Logs keeps what it wrote.
ReplicaKey log_key(const RunId&);

struct RunLimits {
  int kept = 200;               // of an instance, the newest
  Seconds age{30 * 24 * 3600};  // since they ended; the newest of an instance stays
  int open = 20;                // of an instance at once
};

// What a transaction of the store does with runs, beside its other verbs; each with its event,
// which says who asked for it.
class JobVerbs {
 public:
  virtual ~JobVerbs() = default;

  // `open` are under way already: Code::conflict "too_many_runs".
  virtual Result<> add_run(const JobRun&, const RunLimits&) = 0;
  // Of one that is over: Code::conflict "run_over". Asked before: succeeds, without an event.
  virtual Result<JobRun> cancel_run(const RunId&, std::string_view reason, TimePoint now) = 0;
  // Whether it did either: the keeper is told once it is committed.
  virtual bool has_asked() const = 0;
};

// Verbs of the keeper (claim to forget) are refused without the lease: Code::conflict "lease_lost".
// Database away: Code::unavailable. Thread-safe.
class JobLedger {
 public:
  virtual ~JobLedger() = default;

  virtual Result<bool> leads() = 0;

  // ---- people, who ask for runs by JobVerbs ----
  virtual Result<JobRun> run(const RunId&) = 0;                                  // or not_found
  virtual Result<Page<JobRun>> runs(const InstanceId&, const PageRequest&) = 0;  // newest first
  // The newest one of its schedule; nothing: there was none.
  virtual Result<std::optional<JobRun>> newest_tick(const InstanceId&) = 0;

  // ---- the keeper ----
  virtual Result<std::vector<JobRun>> open_runs() = 0;  // by id, with their variables
  virtual Result<std::vector<CronMark>> marks() = 0;
  virtual Result<> put_mark(const CronMark&) = 0;
  virtual Result<> erase_mark(const InstanceId&) = 0;
  // The run, and the mark at its tick, in one commit. False: the tick has one.
  virtual Result<bool> add_tick(const JobRun&) = 0;
  // Why these are queued still; of those that are not, nothing is written.
  virtual Result<> record_waiting(const std::vector<RunId>&, std::string_view reason) = 0;
  // Before its container is made: queued becomes running. False: it is over, or somebody asked for
  // its end.
  virtual Result<bool> claim_run(const RunId&) = 0;
  virtual Result<> record_start(const RunId&, TimePoint started_at) = 0;
  // That it is to be ended, unless somebody asked before.
  virtual Result<> record_ending(const RunId&, RunStatus as, std::string_view reason,
                                 TimePoint now) = 0;
  // Status, reason, exit code, finished_at; with an event. False: it was over.
  virtual Result<bool> record_end(const JobRun&) = 0;
  // What is too old, or of instances that are gone; those that were forgotten.
  virtual Result<std::vector<JobRun>> forget_runs(const RunLimits&, TimePoint now) = 0;
};

}  // namespace gantry
