// What is to be done about runs: which tick is due and becomes one, what begins, what is ended,
// what has ended. Level-triggered: from the ledger's rows and the engine's containers, never from
// what happened. Pure: `now` is a parameter.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "proto/cron_settings.hpp"
#include "runtime/jobs.hpp"

namespace gantry {

struct JobPolicy {
  Duration late = Seconds(60);           // a tick that is older was missed
  Duration ahead = Seconds(86400);       // a mark that lies further ahead was made by a wrong clock
  Duration strange = Seconds(300);       // a container of no row is left alone for so long
  Duration engine_margin = Seconds(15);  // exits so close to the engine's absence are its doing
  int open = 20;                         // runs of one service at once
  int at_once = 32;                      // runs of all services that have begun
  Duration settle = Seconds(15);  // what another daemon was beginning is left to it for so long
};

// A service with a schedule whose version is a success.
struct CronService {
  InstanceId instance_id;
  DeploymentId deployment_id;
  CronSettings cron;
  TimePoint since{};   // when that version became one: earlier ticks are not its own
  bool alone = false;  // it has volumes
};

struct WatchedMark {
  CronMark mark;
  std::optional<TimePoint> quiet_until = {};  // no tick is due before
};

struct EngineAbsence {
  TimePoint from{};
  TimePoint until{};
};

struct JobWorld {
  std::map<InstanceId, CronService> services;
  std::set<InstanceId> present;           // whose environment and service are there
  std::map<DeploymentId, Seconds> grace;  // from SIGTERM to SIGKILL; absent: 10 s
  std::map<InstanceId, WatchedMark> marks;
  std::vector<JobRun> open;  // by id
  // Older than nothing of `open`. Nothing: the engine does not answer.
  std::optional<std::map<RunId, JobSeen>> seen;
  std::map<RunId, TimePoint> strange_since;  // containers that no open row names
  std::set<RunId> busy;                      // something is being done for them
  TimePoint led_since{};                     // since when this daemon looks
  std::optional<EngineAbsence> absence;      // the last one
  JobPolicy policy;
};

// ---- what to do ----

struct PutMark {
  CronMark mark;
};
struct EraseMark {
  InstanceId instance_id;
};
struct AddTick {
  JobRun run;  // without an id
};
struct BeginRun {
  RunId run_id;
};
// Why queued ones do not begin, where the ledger has something else.
struct RecordWaiting {
  std::vector<RunId> run_ids;
  std::string reason;
};
struct RecordStart {
  RunId run_id;
  TimePoint started_at{};
};
struct AskEnd {
  RunId run_id;
  RunStatus as;  // timed_out or cancelled
  std::string reason;
};
struct EndRun {
  RunId run_id;
  Seconds grace{};
};
struct RecordEnd {
  JobRun run;
};
struct RemoveRun {
  RunId run_id;
};
using JobAction = std::variant<PutMark, EraseMark, AddTick, BeginRun, RecordWaiting, RecordStart,
                               AskEnd, EndRun, RecordEnd, RemoveRun>;

struct JobPlan {
  std::vector<JobAction> actions;
  std::map<InstanceId, TimePoint> quiet_until;  // for the marks
};

JobPlan plan_jobs(const JobWorld&, TimePoint now);

// "0 6 * * * UTC"
std::string mark_text(const CronSettings&);

}  // namespace gantry
