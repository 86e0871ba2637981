// Which tick becomes a run and what becomes of it: one rule at a time, then a year of schedules
// under restarts, clocks that jump and a daemon that dies between any two steps.
#include "scheduler/jobs.hpp"

#include <random>

#include <gtest/gtest.h>

#include "proto/cron_times.hpp"
#include "runtime/sim/jobs.hpp"

namespace gantry {
namespace {

using namespace std::chrono_literals;

TimePoint at(std::string_view text) { return *parse_time(text); }

class HandClock final : public Clock {
 public:
  TimePoint now() const override { return time; }
  TimePoint time{};
};

const InstanceId kInstance = InstanceId::make(at("2026-01-01T00:00:00Z"));
const DeploymentId kDeployment = DeploymentId::make(at("2026-01-01T00:00:00Z"));

CronService service_of(std::string schedule) {
  CronService service;
  service.instance_id = kInstance;
  service.deployment_id = kDeployment;
  service.cron.schedule = std::move(schedule);
  service.since = at("2026-01-01T00:00:00Z");
  return service;
}

JobWorld world_of(const CronService& service, TimePoint handled_until) {
  JobWorld world;
  world.services[kInstance] = service;
  world.present.insert(kInstance);
  world.marks[kInstance] = {{kInstance, mark_text(service.cron), handled_until}};
  world.seen.emplace();
  return world;
}

JobRun open_run(TimePoint created_at, RunStatus status = RunStatus::running) {
  JobRun run;
  run.id = RunId::make(created_at);
  run.instance_id = kInstance;
  run.deployment_id = kDeployment;
  run.trigger = RunTrigger::cron;
  run.tick = created_at;
  run.status = status;
  run.created_at = created_at;
  if (status == RunStatus::running) run.started_at = created_at;
  return run;
}

template <class T>
std::vector<T> all_of(const JobPlan& plan) {
  std::vector<T> found;
  for (const JobAction& action : plan.actions)
    if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
  return found;
}

std::string ticks_of(const JobPlan& plan) {
  std::string text;
  for (const AddTick& one : all_of<AddTick>(plan))
    text += format_time(*one.run.tick).substr(11, 5) + " " + std::string(name(one.run.status)) +
            (one.run.reason.empty() ? "" : ": " + one.run.reason) + "\n";
  return text;
}

void run_in(JobWorld& world, const JobRun& run, ContainerState state,
            std::optional<ContainerExit> exit = {}) {
  world.open.push_back(run);
  world.seen->emplace(run.id, JobSeen{.run_id = run.id,
                                      .instance_id = kInstance,
                                      .state = state,
                                      .started_at = run.created_at,
                                      .exit = exit});
}

TEST(SchedulerJobs, ATickBecomesARunOnce) {
  const auto service = service_of("*/5 * * * *");
  JobWorld world = world_of(service, at("2026-03-01T09:55:00Z"));
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T09:59:59Z"))), "");
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T10:00:00Z"))), "10:00 queued\n");
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T10:01:00Z"))), "10:00 queued\n");
  world.marks[kInstance].mark.handled_until = at("2026-03-01T10:00:00Z");
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T10:01:00Z"))), "");
}

TEST(SchedulerJobs, WhatNobodyWasThereForIsToldOrRunOnce) {
  auto service = service_of("*/5 * * * *");
  const JobWorld skips = world_of(service, at("2026-03-01T09:00:00Z"));
  EXPECT_EQ(ticks_of(plan_jobs(skips, at("2026-03-01T10:02:00Z"))),
            "10:00 skipped: nobody was there when it was due, nor for the 11 before it\n");
  EXPECT_EQ(ticks_of(plan_jobs(skips, at("2026-03-01T10:00:30Z"))),
            "09:55 skipped: nobody was there when it was due, nor for the 10 before it\n"
            "10:00 queued\n");
  service.cron.missed = CronMissed::once;
  const JobWorld once = world_of(service, at("2026-03-01T09:00:00Z"));
  EXPECT_EQ(ticks_of(plan_jobs(once, at("2026-03-01T10:02:00Z"))), "10:00 queued\n");
}

TEST(SchedulerJobs, ASetClockNeitherRepeatsNorSilences) {
  const auto service = service_of("*/5 * * * *");
  // An hour back: those ticks were.
  JobWorld world = world_of(service, at("2026-03-01T11:00:00Z"));
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T10:00:30Z"))), "");
  // A mark of a clock that was years ahead is none.
  world = world_of(service, at("2030-03-01T11:00:00Z"));
  const auto planned = plan_jobs(world, at("2026-03-01T10:00:30Z"));
  EXPECT_EQ(ticks_of(planned), "10:00 queued\n");
  ASSERT_EQ(all_of<PutMark>(planned).size(), 1u);
}

TEST(SchedulerJobs, AnotherScheduleBeginsWithItsVersion) {
  auto service = service_of("0 12 * * *");
  service.since = at("2026-03-01T11:30:00Z");
  JobWorld world = world_of(service_of("0 6 * * *"), at("2026-02-20T06:00:00Z"));
  world.services[kInstance] = service;
  const auto planned = plan_jobs(world, at("2026-03-01T12:00:10Z"));
  EXPECT_EQ(ticks_of(planned), "12:00 queued\n");
  ASSERT_EQ(all_of<PutMark>(planned).size(), 1u);
  EXPECT_EQ(all_of<PutMark>(planned)[0].mark.handled_until, service.since);
  // Nor is it quiet for as long as the one before it, when both are of the same moment.
  world.marks[kInstance] = {{kInstance, mark_text(service_of("0 6 * * *").cron), service.since},
                            at("2026-03-02T06:00:00Z")};
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T12:00:10Z"))), "12:00 queued\n");
  world.services.clear();
  EXPECT_EQ(all_of<EraseMark>(plan_jobs(world, at("2026-03-01T12:00:10Z"))).size(), 1u);
}

TEST(SchedulerJobs, OverlapIsSkippedAllowedOrReplaced) {
  auto service = service_of("*/5 * * * *");
  const TimePoint now = at("2026-03-01T10:00:01Z");
  const JobRun before = open_run(at("2026-03-01T09:55:00Z"));
  JobWorld world = world_of(service, at("2026-03-01T09:55:00Z"));
  run_in(world, before, ContainerState::running);
  EXPECT_EQ(ticks_of(plan_jobs(world, now)),
            "10:00 skipped: the run before it had not ended: " + before.id.str() + "\n");
  world.services[kInstance].cron.overlap = CronOverlap::allow;
  EXPECT_EQ(ticks_of(plan_jobs(world, now)), "10:00 queued\n");
  world.services[kInstance].cron.overlap = CronOverlap::replace;
  EXPECT_EQ(ticks_of(plan_jobs(world, now)), "10:00 queued\n");
  // The new one waits until the old one is gone.
  world.marks[kInstance].mark.handled_until = at("2026-03-01T10:00:00Z");
  world.open.push_back(open_run(now, RunStatus::queued));
  const auto replaced = plan_jobs(world, now);
  ASSERT_EQ(all_of<AskEnd>(replaced).size(), 1u);
  EXPECT_EQ(all_of<AskEnd>(replaced)[0].run_id, before.id);
  EXPECT_TRUE(all_of<BeginRun>(replaced).empty());
  world.open[0].ending = RunStatus::cancelled;
  EXPECT_TRUE(all_of<BeginRun>(plan_jobs(world, now)).empty());
  EXPECT_EQ(all_of<EndRun>(plan_jobs(world, now)).size(), 1u);
  world.open.erase(world.open.begin());
  EXPECT_EQ(all_of<BeginRun>(plan_jobs(world, now)).size(), 1u);
}

TEST(SchedulerJobs, OfSeveralThatWaitTheNewestTakesThePlace) {
  auto service = service_of("*/5 * * * *");
  service.cron.overlap = CronOverlap::replace;
  JobWorld world = world_of(service, at("2026-03-01T10:00:00Z"));
  world.open.push_back(open_run(at("2026-03-01T09:55:00Z"), RunStatus::queued));
  world.open.push_back(open_run(at("2026-03-01T10:00:00Z"), RunStatus::queued));
  const auto planned = plan_jobs(world, at("2026-03-01T10:00:01Z"));
  EXPECT_TRUE(all_of<BeginRun>(planned).empty());
  ASSERT_EQ(all_of<AskEnd>(planned).size(), 1u);
  EXPECT_EQ(all_of<AskEnd>(planned)[0].run_id, world.open[0].id);
  EXPECT_EQ(all_of<AskEnd>(planned)[0].reason,
            "replaced by the run of 2026-03-01T10:00:00.000000Z");
}

TEST(SchedulerJobs, RunsThatNeverEndHaveABound) {
  auto service = service_of("* * * * *");
  service.cron.overlap = CronOverlap::allow;
  JobWorld world = world_of(service, at("2026-03-01T10:00:00Z"));
  for (int i = 0; i < world.policy.open; ++i)
    run_in(world, open_run(at("2026-03-01T09:00:00Z") + i * 1min), ContainerState::running);
  EXPECT_EQ(ticks_of(plan_jobs(world, at("2026-03-01T10:01:00Z"))),
            "10:01 skipped: 20 runs had not ended\n");
}

TEST(SchedulerJobs, AVolumeHasOneRunAtATime) {
  JobWorld world = world_of(service_of("0 0 1 1 *"), at("2026-03-01T10:00:00Z"));
  JobRun first = open_run(at("2026-03-01T10:00:00Z")), second = first;
  first.alone = second.alone = true;
  second.id = RunId::make(at("2026-03-01T10:01:00Z"));
  second.trigger = RunTrigger::manual;
  second.status = RunStatus::queued;
  second.started_at.reset();
  run_in(world, first, ContainerState::running);
  world.open.push_back(second);
  EXPECT_TRUE(all_of<BeginRun>(plan_jobs(world, at("2026-03-01T10:02:00Z"))).empty());
  world.open[1].alone = false;
  EXPECT_EQ(all_of<BeginRun>(plan_jobs(world, at("2026-03-01T10:02:00Z"))).size(), 1u);
}

TEST(SchedulerJobs, NoMoreBeginThanMayAndTheOthersSayWhy) {
  const TimePoint now = at("2026-03-01T10:00:00Z");
  JobWorld world = world_of(service_of("0 0 1 1 *"), now);
  world.policy.at_once = 3;
  const auto other_service = [&](RunStatus status) {
    JobRun run = open_run(now, status);
    run.instance_id = InstanceId::make(now);
    world.present.insert(run.instance_id);
    return run;
  };
  run_in(world, other_service(RunStatus::running), ContainerState::running);
  JobRun claimed = other_service(RunStatus::running);  // and not on the engine yet
  claimed.started_at.reset();
  world.open.push_back(claimed);
  for (int i = 0; i < 3; ++i) world.open.push_back(other_service(RunStatus::queued));
  const JobPlan planned = plan_jobs(world, now);
  const auto begun = all_of<BeginRun>(planned);
  ASSERT_EQ(begun.size(), 2u);
  EXPECT_EQ(begun[0].run_id, claimed.id) << "it has its place";
  EXPECT_EQ(begun[1].run_id, world.open[2].id) << "the first of those that wait";
  const auto waiting = all_of<RecordWaiting>(planned);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].run_ids, (std::vector{world.open[3].id, world.open[4].id}));
  EXPECT_EQ(waiting[0].reason,
            "waits for a place: at most 3 runs at once in this installation (jobs.at_once)");
  // Said once; and what is being begun has a place.
  world.open[3].reason = world.open[4].reason = waiting[0].reason;
  world.busy.insert(world.open[2].id);
  EXPECT_EQ(plan_jobs(world, now).actions.size(), 1u);
  world.policy.at_once = 4;
  EXPECT_EQ(all_of<BeginRun>(plan_jobs(world, now))[1].run_id, world.open[3].id);
}

TEST(SchedulerJobs, WhoRunsComesBeforeWhoWasAskedForEarlier) {
  const TimePoint now = at("2026-03-01T10:00:00Z");
  JobWorld world = world_of(service_of("0 0 1 1 *"), now);
  JobRun queued = open_run(now, RunStatus::queued);  // its id is lower: the clock was set back
  JobRun running = open_run(now);
  queued.alone = running.alone = true;
  world.open.push_back(queued);
  run_in(world, running, ContainerState::running);
  const JobPlan planned = plan_jobs(world, now);
  EXPECT_TRUE(all_of<BeginRun>(planned).empty());
  ASSERT_EQ(all_of<RecordWaiting>(planned).size(), 1u);
  EXPECT_EQ(all_of<RecordWaiting>(planned)[0].reason,
            "waits for " + running.id.str() + " to end, which has the service's volume");
}

TEST(SchedulerJobs, WhatAnotherDaemonWasBeginningIsLeftToItForAWhile) {
  const TimePoint now = at("2026-03-01T10:00:00Z");
  JobWorld world = world_of(service_of("0 0 1 1 *"), now);
  JobRun claimed = open_run(now);
  claimed.started_at.reset();
  world.open.push_back(claimed);
  world.led_since = now;
  EXPECT_TRUE(plan_jobs(world, now + 14s).actions.empty());
  EXPECT_EQ(all_of<BeginRun>(plan_jobs(world, now + 15s)).size(), 1u);
  world.open[0].ending = RunStatus::cancelled;
  EXPECT_TRUE(plan_jobs(world, now + 14s).actions.empty());
  EXPECT_EQ(all_of<RecordEnd>(plan_jobs(world, now + 15s)).size(), 1u);
}

TEST(SchedulerJobs, AnEndIsToldAsItWas) {
  const TimePoint begun = at("2026-03-01T10:00:00Z"), ended = begun + 30s, now = begun + 40s;
  const auto told = [&](JobRun run, ContainerExit exit, auto change) {
    JobWorld world = world_of(service_of("0 0 1 1 *"), begun);
    exit.at = ended;
    run_in(world, run, ContainerState::exited, exit);
    change(world);
    const auto ends = all_of<RecordEnd>(plan_jobs(world, now));
    EXPECT_EQ(ends.size(), 1u);
    return ends.empty() ? "" : std::string(name(ends[0].run.status)) + ": " + ends[0].run.reason;
  };
  const auto as_it_is = [](JobWorld&) {};
  const JobRun run = open_run(begun);
  EXPECT_EQ(told(run, {.code = 0}, as_it_is), "succeeded: ");
  EXPECT_EQ(told(run, {.code = 3}, as_it_is), "failed: exited with code 3");
  EXPECT_EQ(told(run, {.code = 137, .out_of_memory = true}, as_it_is),
            "failed: it was killed for want of memory");
  EXPECT_EQ(told(run, {.code = 137},
                 [&](JobWorld& world) {
                   world.absence = EngineAbsence{ended + 1s, ended + 5s};
                 }),
            "failed: exited with code 137 when the container engine stopped");
  JobRun ending = run;
  ending.ending = RunStatus::timed_out;
  ending.reason = "it had not ended after 20 s";
  ending.ending_at = begun + 20s;
  EXPECT_EQ(told(ending, {.code = 143}, as_it_is), "timed_out: it had not ended after 20 s");
  ending.ending_at = ended + 1s;  // it was faster
  EXPECT_EQ(told(ending, {.code = 0}, as_it_is), "succeeded: ");
}

TEST(SchedulerJobs, LimitsServicesAndContainersThatAreGone) {
  const TimePoint begun = at("2026-03-01T10:00:00Z");
  JobWorld world = world_of(service_of("0 0 1 1 *"), begun);
  JobRun run = open_run(begun);
  run.limit_seconds = 60;
  run_in(world, run, ContainerState::running);
  EXPECT_TRUE(all_of<AskEnd>(plan_jobs(world, begun + 59s)).empty());
  ASSERT_EQ(all_of<AskEnd>(plan_jobs(world, begun + 60s)).size(), 1u);
  EXPECT_EQ(all_of<AskEnd>(plan_jobs(world, begun + 60s))[0].as, RunStatus::timed_out);
  world.present.clear();
  world.services.clear();
  EXPECT_EQ(all_of<AskEnd>(plan_jobs(world, begun + 1s))[0].reason, "its service is gone");
  world.present.insert(kInstance);
  world.seen->clear();
  EXPECT_EQ(all_of<RecordEnd>(plan_jobs(world, begun + 1s))[0].run.reason,
            "its container is gone from the engine");
  world.seen.reset();  // nobody knows
  EXPECT_TRUE(plan_jobs(world, begun + 1s).actions.size() == 1) << "only the mark goes";
}

TEST(SchedulerJobs, ContainersOfNobodyAreLeftAloneForAWhile) {
  const TimePoint now = at("2026-03-01T10:00:00Z");
  JobWorld world = world_of(service_of("0 0 1 1 *"), now);
  const JobRun unknown = open_run(now);
  run_in(world, unknown, ContainerState::running);
  world.open.clear();
  world.strange_since[unknown.id] = now;
  EXPECT_TRUE(all_of<RemoveRun>(plan_jobs(world, now + 299s)).empty());
  EXPECT_EQ(all_of<RemoveRun>(plan_jobs(world, now + 300s)).size(), 1u);
}

// ---- a daemon on virtual time ----

struct Died {};

// The ledger's rules, without a database.
struct Rows {
  std::map<RunId, JobRun> runs;
  std::set<RunId> open;
  std::set<TimePoint> ticks;
  std::map<InstanceId, CronMark> marks;

  void add(const JobRun& run) {
    marks[run.instance_id].handled_until = *run.tick;
    if (ticks.insert(*run.tick).second) put(run);
  }
  void put(const JobRun& run) {
    runs[run.id] = run;
    if (is_over(run.status))
      open.erase(run.id);
    else
      open.insert(run.id);
  }
};

// What the keeper does with a plan, each step of which may be its last.
class Mortal {
 public:
  Mortal(Rows& rows, SimJobs& engine, HandClock& clock)
      : rows_(rows), engine_(engine), clock_(clock) {}

  void live() {
    world_ = {};
    for (const auto& [id, mark] : rows_.marks) world_.marks[id] = {mark};
  }
  // `steps`: so many before it dies; negative: it does not.
  void look(const CronService& service, int steps) {
    left_ = steps;
    world_.services = {{kInstance, service}};
    world_.present = {kInstance};
    world_.open.clear();
    for (const RunId& id : rows_.open) world_.open.push_back(rows_.runs[id]);
    world_.seen.emplace();
    for (const JobSeen& seen : *engine_.list()) world_.seen->emplace(seen.run_id, seen);
    const JobPlan plan = plan_jobs(world_, clock_.now());
    for (const JobAction& action : plan.actions) std::visit([&](const auto& a) { act(a); }, action);
    for (const auto& [id, until] : plan.quiet_until) world_.marks[id].quiet_until = until;
  }
  int seconds = 0, code = 0;  // of the runs to come

 private:
  void step() {
    if (left_ == 0) throw Died{};
    --left_;
  }
  void act(const PutMark& a) {
    step();
    rows_.marks[a.mark.instance_id] = a.mark;
    world_.marks[a.mark.instance_id] = {a.mark};
  }
  void act(const EraseMark& a) {
    step();
    rows_.marks.erase(a.instance_id);
  }
  void act(const AddTick& a) {
    step();
    JobRun run = a.run;
    run.id = RunId::make(clock_.now());
    rows_.add(run);
    world_.marks[kInstance].mark.handled_until = *run.tick;
  }
  void act(const BeginRun& a) {
    step();
    JobRun* run = &rows_.runs.at(a.run_id);
    if (is_over(run->status) || run->ending) return;
    run->status = RunStatus::running;
    step();
    JobSpec spec;
    spec.run_id = run->id;
    spec.instance_id = kInstance;
    spec.image = "image";
    spec.variables = {{"RUN_SECONDS", std::to_string(seconds)}, {"RUN_EXIT", std::to_string(code)}};
    const auto seen = engine_.begin(spec);
    step();
    if (seen) run->started_at = seen->started_at;
  }
  void act(const RecordWaiting& a) {
    step();
    for (const RunId& id : a.run_ids) rows_.runs.at(id).reason = a.reason;
  }
  void act(const RecordStart& a) {
    step();
    rows_.runs.at(a.run_id).started_at = a.started_at;
  }
  void act(const AskEnd& a) {
    step();
    JobRun* run = &rows_.runs.at(a.run_id);
    run->ending = a.as;
    run->ending_at = clock_.now();
    run->reason = a.reason;
  }
  void act(const EndRun& a) {
    step();
    (void)engine_.end(a.run_id, a.grace);
  }
  void act(const RecordEnd& a) {
    step();
    rows_.put(a.run);
  }
  void act(const RemoveRun& a) {
    step();
    (void)engine_.remove(a.run_id);
  }

  Rows& rows_;
  SimJobs& engine_;
  HandClock& clock_;
  JobWorld world_;
  int left_ = -1;
};

// Tick by tick what must be in the ledger: each that somebody was there for, and of those that
// nobody was there for the newest of every absence.
class Expected {
 public:
  explicit Expected(const CronService& service)
      : times_(CronTimes::of(service.cron.schedule)),
        zone_(*find_zone(service.cron.zone)),
        until_(service.since),
        mark_(service.since) {}

  void looked(TimePoint now) {
    if (mark_ > now + 24h) until_ = mark_ = now - 60s;  // that clock was wrong
    TimePoint missed{};
    for (TimePoint minute = std::chrono::floor<std::chrono::minutes>(until_) + 1min; minute <= now;
         minute += 1min) {
      if (times_.last(*zone_, minute, minute) != minute) continue;
      mark_ = minute;
      if (now - minute > 60s)
        missed = minute;
      else
        ticks.insert(minute);
    }
    if (missed != TimePoint()) ticks.insert(missed);
    until_ = std::max(until_, now);
  }
  TimePoint next(TimePoint after) const { return *times_.next(*zone_, after); }
  std::set<TimePoint> ticks;

 private:
  const CronTimes times_;
  const ZonePtr zone_;
  TimePoint until_, mark_;  // looked at so far; the newest tick of it
};

struct Case {
  const char* schedule;
  const char* zone;
  CronOverlap overlap;
  CronMissed missed;
};

class YearOfRuns : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    service_ = service_of(GetParam().schedule);
    service_.cron.zone = GetParam().zone;
    service_.cron.overlap = GetParam().overlap;
    service_.cron.missed = GetParam().missed;
    engine_.add_image("image");
    clock_.time = service_.since;
  }
  void expect_ledger(const Expected& expected) {
    std::set<TimePoint> found;
    for (const auto& [id, run] : rows_.runs) {
      ASSERT_TRUE(found.insert(*run.tick).second) << "twice: " << format_time(*run.tick);
      EXPECT_LE(engine_.begun(run.id), 1) << "begun twice: " << format_time(*run.tick);
      EXPECT_TRUE(is_over(run.status)) << format_time(*run.tick);
      if (run.status == RunStatus::succeeded) {
        EXPECT_EQ(engine_.begun(run.id), 1);
      }
      if (run.status == RunStatus::skipped) {
        EXPECT_EQ(engine_.begun(run.id), 0);
      }
    }
    for (const TimePoint tick : expected.ticks)
      EXPECT_TRUE(found.contains(tick)) << "missed: " << format_time(tick);
    for (const TimePoint tick : found)
      EXPECT_TRUE(expected.ticks.contains(tick)) << "not due: " << format_time(tick);
    EXPECT_EQ(engine_.running(), 0);
    EXPECT_TRUE(engine_.list()->empty()) << "containers are left";
  }
  // Until nothing is left to do.
  void settle(Expected& expected) {
    mortal_.seconds = 0;
    for (int i = 0; i < 1000 && (i < 3 || !rows_.open.empty() || !engine_.list()->empty()); ++i) {
      clock_.time += 1s;
      mortal_.look(service_, -1);
      expected.looked(clock_.time);
    }
  }

  HandClock clock_;
  SimJobs engine_{clock_};
  Rows rows_;
  Mortal mortal_{rows_, engine_, clock_};
  CronService service_;
};

INSTANTIATE_TEST_SUITE_P(
    SchedulerJobs, YearOfRuns,
    ::testing::Values(
        Case{"30 2 * * *", "Europe/Berlin", CronOverlap::skip, CronMissed::skip},
        Case{"15 */3 * * *", "America/New_York", CronOverlap::allow, CronMissed::once},
        Case{"0 * * * *", "Australia/Lord_Howe", CronOverlap::replace, CronMissed::once},
        Case{"*/20 1-4 * * *", "America/Santiago", CronOverlap::skip, CronMissed::once}));

// Days without anybody, clocks set ahead and back.
TEST_P(YearOfRuns, NoRunIsMissedOrDoubled) {
  Expected expected(service_);
  std::mt19937 random(7);
  mortal_.live();
  const TimePoint end = service_.since + 24h * 366;
  while (clock_.time < end) {
    const auto dice = random() % 400;
    if (dice < 4) {
      clock_.time += std::chrono::minutes(random() % (60 * 24 * 3));
      mortal_.live();
    } else if (dice == 4) {
      clock_.time -= std::chrono::minutes(random() % (60 * 20));
    } else if (dice == 5) {
      clock_.time -= 24h * 3;
    } else if (dice == 6) {
      mortal_.live();
    }
    mortal_.seconds = static_cast<int>(random() % 200);
    mortal_.look(service_, -1);
    expected.looked(clock_.time);
    clock_.time += 45s;
    if (rows_.open.empty()) clock_.time = std::max(clock_.time, expected.next(clock_.time) - 20s);
  }
  settle(expected);
  expect_ledger(expected);
  EXPECT_GT(expected.ticks.size(), 300u);
}

// It dies between any two steps, often, and is there again within seconds.
TEST_P(YearOfRuns, DyingBetweenAnyTwoStepsLosesAndRepeatsNothing) {
  Expected expected(service_);
  std::mt19937 random(11);
  mortal_.live();
  const TimePoint end = service_.since + 24h * 40;
  int deaths = 0;
  while (clock_.time < end) {
    mortal_.seconds = static_cast<int>(random() % 90);
    mortal_.code = static_cast<int>(random() % 2);
    try {
      mortal_.look(service_, static_cast<int>(random() % 4));
    } catch (const Died&) {
      ++deaths;
      mortal_.live();
    }
    clock_.time += 7s;
  }
  settle(expected);
  // Somebody was there for all of them.
  for (const TimePoint tick :
       CronTimes::of(service_.cron.schedule)
           .between(**find_zone(service_.cron.zone), service_.since, clock_.time, 1'000'000))
    expected.ticks.insert(tick);
  expect_ledger(expected);
  EXPECT_GT(deaths, 30);
}

}  // namespace
}  // namespace gantry
