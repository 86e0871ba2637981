#include "scheduler/jobs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/cron_times.hpp"
#include "scheduler/mutation.hpp"

namespace gantry {
namespace {

constexpr Seconds kUsualGrace(10);
constexpr std::size_t kMostCounted = 1000;  // of missed ticks
constexpr int kKilled = 137;
constexpr int kTerminated = 143;

struct JobDraft {
  const JobWorld& world;
  const TimePoint now;
  JobPlan plan = {};
  std::map<InstanceId, std::vector<const JobRun*>> by_instance = {};
  int places = 0;                                          // so many more may begin
  std::map<std::string, std::vector<RunId>> waiting = {};  // by their reason

  void act(JobAction action) { plan.actions.push_back(std::move(action)); }

  const JobSeen* seen(const RunId& id) const {
    if (!world.seen) return nullptr;
    const auto found = world.seen->find(id);
    return found == world.seen->end() ? nullptr : &found->second;
  }
  const std::vector<const JobRun*>& open_of(const InstanceId& id) const {
    static const std::vector<const JobRun*> none;
    const auto found = by_instance.find(id);
    return found == by_instance.end() ? none : found->second;
  }

  // ---- ticks ----

  JobRun of_tick(const CronService& service, TimePoint tick) const {
    JobRun run;
    run.instance_id = service.instance_id;
    run.deployment_id = service.deployment_id;
    run.trigger = RunTrigger::cron;
    run.tick = tick;
    run.limit_seconds = service.cron.limit_seconds;
    run.alone = service.alone;
    run.created_at = now;
    return run;
  }
  void skip(JobRun run, std::string reason) {
    run.status = RunStatus::skipped;
    run.reason = std::move(reason);
    run.finished_at = now;
    act(AddTick{std::move(run)});
  }

  // `before`: runs that this very look has added.
  void add(const CronService& service, TimePoint tick, int& before) {
    JobRun run = of_tick(service, tick);
    std::vector<const JobRun*> others;
    for (const JobRun* one : open_of(service.instance_id))
      if (one->trigger == RunTrigger::cron) others.push_back(one);
    const int open = static_cast<int>(open_of(service.instance_id).size()) + before;
    const bool any = !others.empty() || before > 0;
    switch (service.cron.overlap) {
      case CronOverlap::skip:
        if (any && !mutated(Mutation::runs_overlap))
          return skip(std::move(run), "the run before it had not ended" +
                                          (others.empty() ? "" : ": " + others.back()->id.str()));
        break;
      case CronOverlap::allow:
      case CronOverlap::replace:  // see successor()
        break;
    }
    if (open >= world.policy.open)
      return skip(std::move(run), fmt::format("{} runs had not ended", open));
    ++before;
    act(AddTick{std::move(run)});
  }

  void miss(const CronService& service, const std::vector<TimePoint>& missed, int& before) {
    if (missed.empty()) return;
    if (service.cron.missed == CronMissed::once) return add(service, missed.back(), before);
    const std::string others =
        missed.size() == 1 ? "" : fmt::format(", nor for the {} before it", missed.size() - 1);
    skip(of_tick(service, missed.back()), "nobody was there when it was due" + others);
  }

  // Up to where ticks were seen to. A mark that lies far ahead is no mark: the clock was wrong.
  TimePoint handled_until(const CronService& service, const CronMark* mark) const {
    if (mark == nullptr || mark->schedule != mark_text(service.cron)) return service.since;
    if (mark->handled_until > now + world.policy.ahead) return now - world.policy.late;
    return mark->handled_until;
  }

  void look_at(const CronService& service) {
    const auto found = world.marks.find(service.instance_id);
    const WatchedMark* watched = found == world.marks.end() ? nullptr : &found->second;
    const TimePoint from = handled_until(service, watched == nullptr ? nullptr : &watched->mark);
    const bool marked = watched != nullptr && watched->mark.schedule == mark_text(service.cron) &&
                        watched->mark.handled_until == from;
    if (marked && watched->quiet_until && now < *watched->quiet_until) return;
    const auto zone = find_zone(service.cron.zone);
    if (!zone) return;  // it was there when the setting was written; the keeper tells
    if (!marked) act(PutMark{{service.instance_id, mark_text(service.cron), from}});
    const CronTimes times = CronTimes::of(service.cron.schedule);
    const TimePoint timely = now - world.policy.late;
    int before = 0;
    std::vector<TimePoint> missed;
    TimePoint seen_to = from;
    if (timely > from)
      if (const auto newest = times.last(**zone, timely - Duration(1), from + Duration(1))) {
        missed = times.between(**zone, from, *newest, kMostCounted);
        missed.back() = *newest;
        seen_to = *newest;
        miss(service, missed, before);
      }
    for (const TimePoint tick : times.between(**zone, seen_to, now, kMostCounted)) {
      add(service, tick, before);
      seen_to = tick;
    }
    if (const auto next = times.next(**zone, std::max(seen_to, now)))
      plan.quiet_until[service.instance_id] = *next;
    else
      plan.quiet_until[service.instance_id] = now + world.policy.ahead;
  }

  // ---- runs ----

  // Who has begun comes before who has not, whatever the clock was when they were asked for.
  static bool is_before(const JobRun& one, const JobRun& other) {
    const bool queued = one.status == RunStatus::queued;
    if (queued != (other.status == RunStatus::queued)) return !queued;
    return one.id < other.id;
  }

  // The newest tick takes its place.
  const JobRun* successor(const JobRun& run) const {
    const auto service = world.services.find(run.instance_id);
    if (run.trigger != RunTrigger::cron || service == world.services.end() ||
        service->second.cron.overlap != CronOverlap::replace)
      return nullptr;
    const JobRun* newest = &run;
    for (const JobRun* other : open_of(run.instance_id))
      if (other->trigger == RunTrigger::cron && is_before(*newest, *other)) newest = other;
    return newest == &run ? nullptr : newest;
  }
  bool is_replaced(const JobRun& run) {
    const JobRun* next = run.ending ? nullptr : successor(run);
    if (next == nullptr) return false;
    act(AskEnd{run.id, RunStatus::cancelled, "replaced by the run of " + format_time(*next->tick)});
    return true;
  }

  bool has_place(const JobRun& run) const {
    if (run.status != RunStatus::queued || world.busy.contains(run.id)) return true;
    const JobSeen* container = seen(run.id);
    return container != nullptr && container->state == ContainerState::running;
  }

  // It waits for those that it takes the place of, for the volume, and for a place among all;
  // empty: it may begin.
  std::string waits_for(const JobRun& run) const {
    for (const JobRun* other : open_of(run.instance_id)) {
      if (!is_before(*other, run)) continue;
      if (run.alone && other->alone)
        return "waits for " + other->id.str() + " to end, which has the service's volume";
      if (run.trigger == RunTrigger::cron && other->trigger == RunTrigger::cron &&
          (other->ending || successor(*other) != nullptr) &&
          !mutated(Mutation::replaced_not_awaited))
        return "waits for " + other->id.str() + " to end, whose place it takes";
    }
    if (places > 0 || has_place(run) || mutated(Mutation::too_many_at_once)) return "";
    return fmt::format(
        "waits for a place: at most {} runs at once in this installation (jobs.at_once)",
        world.policy.at_once);
  }

  void begin_or_wait(const JobRun& run) {
    const std::string reason = waits_for(run);
    if (reason.empty()) {
      if (!has_place(run)) --places;
      return act(BeginRun{run.id});
    }
    if (reason != run.reason) waiting[reason].push_back(run.id);
  }

  void end(JobRun run, RunStatus status, std::string reason, TimePoint at) {
    run.status = status;
    run.reason = std::move(reason);
    run.finished_at = at;
    act(RecordEnd{std::move(run)});
  }

  bool by_the_engine(const ContainerExit& exit) const {
    if (!world.absence || (exit.code != kKilled && exit.code != kTerminated)) return false;
    return exit.at >= world.absence->from - world.policy.engine_margin &&
           exit.at <= world.absence->until + world.policy.engine_margin;
  }

  void take_exit(JobRun run, const JobSeen& container) {
    const ContainerExit& exit = *container.exit;
    run.started_at = run.started_at.value_or(container.started_at);
    run.exit_code = exit.code;
    if (run.ending && exit.at >= run.ending_at.value_or(exit.at))
      return end(run, *run.ending, run.reason, exit.at);
    if (exit.out_of_memory)
      return end(run, RunStatus::failed, "it was killed for want of memory", exit.at);
    if (exit.code == 0) return end(run, RunStatus::succeeded, "", exit.at);
    std::string reason = fmt::format("exited with code {}", exit.code);
    if (by_the_engine(exit)) reason += " when the container engine stopped";
    end(run, RunStatus::failed, std::move(reason), exit.at);
  }

  void look_at_running(const JobRun& run, const JobSeen& container) {
    if (!run.started_at) act(RecordStart{run.id, container.started_at});
    if (run.ending) {
      const auto grace = world.grace.find(run.deployment_id);
      return act(EndRun{run.id, grace == world.grace.end() ? kUsualGrace : grace->second});
    }
    if (is_replaced(run)) return;
    if (!world.present.contains(run.instance_id))
      return act(AskEnd{run.id, RunStatus::cancelled, "its service is gone"});
    if (run.limit_seconds > 0 && now >= container.started_at + Seconds(run.limit_seconds))
      act(AskEnd{run.id, RunStatus::timed_out,
                 fmt::format("it had not ended after {} s", run.limit_seconds)});
  }

  void look_at(const JobRun& run) {
    if (world.busy.contains(run.id)) return;
    const bool wanted = world.present.contains(run.instance_id);
    const JobSeen* container = seen(run.id);
    if (container != nullptr && container->exit) return take_exit(run, *container);
    if (container != nullptr && container->state == ContainerState::running)
      return look_at_running(run, *container);
    if (!world.seen && run.status != RunStatus::queued) return;
    // No container, or one that was made and not started; maybe by a daemon that is at it still.
    const bool begun = run.status == RunStatus::running;
    if (begun && !run.started_at && now < world.led_since + world.policy.settle) return;
    if (run.started_at)
      return end(run, run.ending.value_or(RunStatus::failed),
                 run.ending ? run.reason : "its container is gone from the engine", now);
    if (run.ending) return end(run, *run.ending, run.reason, now);
    if (!wanted) return end(run, RunStatus::cancelled, "its service is gone", now);
    if (is_replaced(run)) return;
    if (world.seen) begin_or_wait(run);
  }

  void look_at_containers() {
    if (!world.seen) return;
    std::set<RunId> known;
    for (const JobRun& run : world.open) known.insert(run.id);
    for (const auto& [id, container] : *world.seen) {
      if (known.contains(id) || world.busy.contains(id)) continue;
      const auto since = world.strange_since.find(id);
      const bool long_ago =
          since != world.strange_since.end() && now >= since->second + world.policy.strange;
      // One that has ended and is not open any more was taken note of.
      if (container.state == ContainerState::exited || long_ago) act(RemoveRun{id});
    }
  }
};

}  // namespace

std::string mark_text(const CronSettings& cron) { return cron.schedule + " " + cron.zone; }

JobPlan plan_jobs(const JobWorld& world, TimePoint now) {
  JobDraft draft{world, now};
  draft.places = world.policy.at_once;
  for (const JobRun& run : world.open) {
    draft.by_instance[run.instance_id].push_back(&run);
    draft.places -= draft.has_place(run) ? 1 : 0;
  }
  for (const auto& [id, service] : world.services) draft.look_at(service);
  for (const auto& [id, watched] : world.marks)
    if (!world.services.contains(id)) draft.act(EraseMark{id});
  for (const JobRun& run : world.open) draft.look_at(run);
  for (auto& [reason, runs] : draft.waiting) draft.act(RecordWaiting{std::move(runs), reason});
  draft.look_at_containers();
  return std::move(draft.plan);
}

}  // namespace gantry
