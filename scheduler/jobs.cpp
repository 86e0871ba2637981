#include "scheduler/jobs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "proto/cron_times.hpp"

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
        if (any)
          return skip(std::move(run), "the run before it had not ended" +
                                          (others.empty() ? "" : ": " + others.back()->id.str()));
        break;
      case CronOverlap::allow:
        break;
      case CronOverlap::replace:
        for (const JobRun* one : others)
          if (!one->ending)
            act(AskEnd{one->id, RunStatus::cancelled,
                       "replaced by the run of " + format_time(tick)});
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
    if (watched != nullptr && from == watched->mark.handled_until && watched->quiet_until &&
        now < *watched->quiet_until)
      return;
    const auto zone = find_zone(service.cron.zone);
    if (!zone) return;  // it was there when the setting was written; the keeper tells
    if (watched == nullptr || watched->mark.schedule != mark_text(service.cron) ||
        watched->mark.handled_until != from)
      act(PutMark{{service.instance_id, mark_text(service.cron), from}});
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

  // It waits for those that it takes the place of, and for the volume.
  bool has_turn(const JobRun& run) const {
    for (const JobRun* other : open_of(run.instance_id)) {
      if (other->id >= run.id) break;
      if (run.alone && other->alone) return false;
      if (run.trigger == RunTrigger::cron && other->trigger == RunTrigger::cron && other->ending)
        return false;
    }
    return true;
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
    // No container, or one that was made and not started.
    if (run.started_at)
      return end(run, run.ending.value_or(RunStatus::failed),
                 run.ending ? run.reason : "its container is gone from the engine", now);
    if (run.ending) return end(run, *run.ending, run.reason, now);
    if (!wanted) return end(run, RunStatus::cancelled, "its service is gone", now);
    if (world.seen && has_turn(run)) act(BeginRun{run.id});
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
  for (const JobRun& run : world.open) draft.by_instance[run.instance_id].push_back(&run);
  for (const auto& [id, service] : world.services) draft.look_at(service);
  for (const auto& [id, watched] : world.marks)
    if (!world.services.contains(id)) draft.act(EraseMark{id});
  for (const JobRun& run : world.open) draft.look_at(run);
  draft.look_at_containers();
  return std::move(draft.plan);
}

}  // namespace gantry
